"""The charts say to each service what it reads, all of it and nothing else. Needs no Helm."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

OF_ONE_MACHINE = {
    # A file that the NATS server writes: no pod sees another's.
    "IOC_NATS_SERVER_LOG",
}
"""What a service reads only where all parts share a machine: the charts leave it out."""
_NAME = re.compile(r"\bIOC_[A-Z0-9_]+\b")
_FROM_THE_LIBRARY = re.compile(r"- name: (IOC_[A-Z0-9_]+)$", re.MULTILINE)


def _variable(key: str) -> str:
    """As the library does: ratePerMinute -> IOC_RATE_PER_MINUTE."""
    return "IOC_" + re.sub("([A-Z])", r"_\1", key).upper()


@pytest.fixture
def settings_type(service: str) -> type[BaseSettings]:
    module = importlib.import_module(f"ioc_{service.replace('-', '_')}.settings")
    found: type[BaseSettings] = module.Settings
    return found


@pytest.fixture
def read(settings_type: type[BaseSettings]) -> dict[str, bool]:
    """Every variable that the service reads, and whether it must be set."""
    every = {f"IOC_{name.upper()}": field.is_required() for name, field in settings_type.model_fields.items()}
    left_out = {name: every.pop(name) for name in OF_ONE_MACHINE & set(every)}
    assert not any(left_out.values())
    return every


@pytest.fixture
def shared(charts: Path) -> set[str]:
    text = (charts / "lib" / "templates" / "_environment.tpl").read_text(encoding="utf-8")
    return set(_FROM_THE_LIBRARY.findall(text))


@pytest.fixture
def derived(charts: Path, service: str) -> set[str]:
    """What the chart's own `about` sets: addresses, listeners."""
    return set(_NAME.findall((charts / service / "templates" / "_about.tpl").read_text(encoding="utf-8")))


def test_a_chart_sets_every_variable_that_its_service_reads_and_no_other(
    read: dict[str, bool], shared: set[str], derived: set[str], values: dict[str, Any]
) -> None:
    given = shared | derived | {_variable(key) for part in ("settings", "secrets") for key in values[part]}
    assert given == set(read)


def test_no_variable_is_set_twice(shared: set[str], derived: set[str], values: dict[str, Any]) -> None:
    keys = [_variable(key) for part in ("settings", "secrets") for key in values[part]]
    assert sorted([*shared, *derived, *keys]) == sorted(shared | derived | set(keys))


def test_whatever_is_a_secret_to_the_service_is_a_secret_to_the_chart(
    settings_type: type[BaseSettings], values: dict[str, Any]
) -> None:
    secret = {name for name, field in settings_type.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert {_variable(key) for key in values["secrets"]} == {f"IOC_{name.upper()}" for name in secret}


def test_the_charts_defaults_are_the_services_defaults(
    settings_type: type[BaseSettings], values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in settings_type.model_fields:
        monkeypatch.delenv(f"IOC_{name.upper()}", raising=False)
    required = {name: "anything" for name, field in settings_type.model_fields.items() if field.is_required()}
    own = settings_type(**required)
    # What differs on purpose: nothing listens on the bus without a login in operation.
    identity = {"nats_user", "nats_system_user"}
    for key, value in values["settings"].items():
        monkeypatch.setenv(_variable(key), str(value))
    by_chart = settings_type(**required)
    names = {_variable(key).removeprefix("IOC_").lower() for key in values["settings"]} - identity
    assert {name: getattr(by_chart, name) for name in names} == {name: getattr(own, name) for name in names}


def test_the_schema_of_settings_and_secrets_names_exactly_the_values(
    schema: dict[str, Any], values: dict[str, Any]
) -> None:
    for part in ("settings", "secrets"):
        assert list(schema["properties"][part]["properties"]) == list(values[part])


def test_helm_renders_the_same_names(
    render: Callable[..., list[dict[str, Any]]],
    of_kind: Callable[[list[dict[str, Any]], str], dict[str, dict[str, Any]]],
    read: dict[str, bool],
    service: str,
) -> None:
    objects = render("values-province.yaml")
    pod = of_kind(objects, "Deployment")[f"ioc-{service}"]["spec"]["template"]["spec"]
    names = [each["name"] for each in pod["containers"][0]["env"]]
    assert sorted(names) == sorted({*read, "OTEL_EXPORTER_OTLP_ENDPOINT"} - {"IOC_MIGRATION_DATABASE_URL"})


def test_the_migration_gets_all_that_it_does_not_start_without(
    render: Callable[..., list[dict[str, Any]]],
    of_kind: Callable[[list[dict[str, Any]], str], dict[str, dict[str, Any]]],
    read: dict[str, bool],
    service: str,
) -> None:
    jobs = of_kind(render("values-province.yaml"), "Job")
    if service == "gateway":
        assert f"ioc-{service}-migration" not in jobs
        return
    env = jobs[f"ioc-{service}-migration"]["spec"]["template"]["spec"]["containers"][0]["env"]
    names = {each["name"] for each in env}
    assert {name for name, required in read.items() if required} | {"IOC_MIGRATION_DATABASE_URL"} <= names
    assert names <= {*read, "OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert "IOC_NATS_PASSWORD" not in names


def test_numbers_are_written_out(
    render: Callable[..., list[dict[str, Any]]],
    of_kind: Callable[[list[dict[str, Any]], str], dict[str, dict[str, Any]]],
) -> None:
    objects = render("values-province.yaml", "--set-json", "gateway.settings.heartbeatSeconds=2.5")
    env = of_kind(objects, "Deployment")["ioc-gateway"]["spec"]["template"]["spec"]["containers"][0]["env"]
    given = {each["name"]: each.get("value") for each in env}
    assert given["IOC_MAX_UPLOAD_BYTES"] == "52428800"
    assert given["IOC_HEARTBEAT_SECONDS"] == "2.5"


def test_listeners_become_the_services_own_notation(
    render: Callable[..., list[dict[str, Any]]],
    of_kind: Callable[[list[dict[str, Any]], str], dict[str, dict[str, Any]]],
) -> None:
    env = of_kind(render("values-province.yaml"), "Deployment")["ioc-soc-bridge"]["spec"]["template"]["spec"][
        "containers"
    ][0]["env"]
    text = next(each["value"] for each in env if each["name"] == "IOC_SYSLOG_LISTEN")
    settings = importlib.import_module("ioc_soc_bridge.settings").Settings(
        oidc_issuer="x", database_url="x", syslog_listen=text
    )
    (binding,) = settings.syslog_listen
    assert (binding.port, binding.tenant, binding.sensor) == (6514, "nghe-an", "suricata-edge")
