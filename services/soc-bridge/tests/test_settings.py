"""What the environment may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ioc_soc_bridge.domain.marking import Tlp
from ioc_soc_bridge.settings import Binding, Settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("IOC_OIDC_ISSUER", "https://issuer.test")


def settings() -> Settings:
    return Settings()  # type: ignore[call-arg]


def test_listeners_and_marking_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_SYSLOG_LISTEN", "127.0.0.1:6514=nghe-an/fw-01, [::1]:6515=vinh/ids")
    monkeypatch.setenv("IOC_STIX_TLP", "amber+strict")
    found = settings()
    assert found.syslog_listen == (
        Binding("127.0.0.1", 6514, "nghe-an", "fw-01"),
        Binding("::1", 6515, "vinh", "ids"),
    )
    assert found.stix_tlp is Tlp.AMBER_STRICT


def test_nothing_listens_unless_told_to() -> None:
    assert settings().syslog_listen == ()
    assert settings().stix_tlp is Tlp.AMBER


@pytest.mark.parametrize(
    "text", ["6514=vinh/fw", "h:6514", "h:6514=vinh", "h:x=vinh/fw", "h:99999=vinh/fw", "h:1=a/b/c"]
)
def test_a_wrong_listener_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("IOC_SYSLOG_LISTEN", text)
    with pytest.raises(ValidationError, match="host:port=tenant/sensor"):
        settings()


def test_an_unknown_marking_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_STIX_TLP", "white")
    with pytest.raises(ValidationError, match="amber"):
        settings()
