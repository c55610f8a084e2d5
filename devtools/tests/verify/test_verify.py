"""What `ioc verify` concludes from what it is told, and how it says so."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from ioc_devtools.platform.state import CannotRun, Run, StateFolder
from ioc_devtools.verify import check_all, show
from ioc_devtools.verify.asking import Asking, NoAnswer
from ioc_devtools.verify.checks import no_alert_twice, no_dead_letters, values_proved
from ioc_kit.embedded import EmbeddedNats

VALUE = {"tenant": "vinh", "set": "VN-AQI", "code": "vn_aqi_hourly", "area": "16708", "thing": "", "dimension_code": ""}


class Told:
    """Answers what a test says."""

    def __init__(self, items: list[dict[str, Any]], proof: dict[str, Any] | None = None) -> None:
        self._items = items
        self._proof = proof

    async def items(self, path: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        for item in self._items:
            yield item

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        if self._proof is None:
            raise NoAnswer("away")
        return self._proof


def _asking(*items: dict[str, Any], proof: dict[str, Any] | None = None) -> Asking:
    return cast(Asking, Told(list(items), proof))


async def test_two_standing_alerts_of_one_key_in_one_tenant_are_off() -> None:
    alert = {"tenant": "vinh", "key": "vn-aqi-above-150/16708/aq-tt-01"}
    fine = await no_alert_twice(_asking(alert, {**alert, "tenant": "hoang-mai"}))
    assert (fine.ok, fine.detail) == (True, "2 alerts stand, of 2 keys")
    off = await no_alert_twice(_asking(alert, alert))
    assert not off.ok
    assert "vinh vn-aqi-above-150/16708/aq-tt-01 (2 times)" in off.detail


async def test_a_value_that_does_not_come_out_again_is_off_and_named() -> None:
    value = {**VALUE, "value_id": "1"}
    assert (await values_proved(_asking(value, proof={"is_proved": True, "differences": []}))).ok
    off = await values_proved(_asking(value, proof={"is_proved": False, "differences": ["pm25: 40.0 then, 41.0 now"]}))
    assert not off.ok
    assert "0 of 1" in off.detail
    assert "vinh VN-AQI/vn_aqi_hourly 16708: pm25: 40.0 then, 41.0 now" in off.detail


async def test_a_dead_letter_is_off_with_its_reason(nats_server: EmbeddedNats, bus: Any, tmp_path: Any) -> None:
    await bus.declare([])
    run = Run(0, "http://127.0.0.1", "", {"nats": nats_server.url.removeprefix("nats://")}, [])
    asking = Asking(StateFolder(tmp_path), run)
    assert (await no_dead_letters(asking)).ok
    headers = {"ioc-dead-reason": "InvalidInput: no such unit", "ioc-dead-consumer": "kpi-written"}
    await bus.jetstream.publish("dead.INGEST.kpi-written", b"", headers=headers)
    off = await no_dead_letters(asking)
    await asking.aclose()
    assert (off.ok, "1 dead letters" in off.detail, "no such unit" in off.detail) == (False, True, True)


async def test_without_a_platform_one_sentence_says_so(tmp_path: Any) -> None:
    with pytest.raises(CannotRun, match="start one with `ioc up`"):
        await check_all(StateFolder(tmp_path))


def test_in_a_pipe_each_check_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [{"name": "books balance", "ok": True, "detail": "2 books"}, {"name": "x", "ok": False, "detail": "y"}]
    show({"ok": False, "checks": checks})
    assert capsys.readouterr().out == "ok\tbooks balance\t2 books\nOFF\tx\ty\n"
