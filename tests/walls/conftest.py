"""Something of Vinh's in every place where somebody else could find it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ioc_devtools.testing.batches import batch_of, push, request_of

MARK = "canary-vinh"
STATION, AREA = "aq-tt-02", "17920"


@dataclass(frozen=True, slots=True)
class Canaries:
    """Ids of things of Vinh's by the name of the parameter that asks for them, and words that only they hold."""

    ids: dict[str, str]
    words: tuple[str, ...] = (MARK, STATION)


@pytest.fixture
async def canaries(
    platform: Any,
    api: Callable[..., Any],
    channel: Callable[..., Any],
    items: Callable[..., Any],
    eventually: Callable[..., Any],
) -> Canaries:
    """A reading, an index, an alert, a refused reading, an incident and a refused line of Vinh's."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    hours = [now - timedelta(minutes=minute) for minute in range(5 * 60)]
    batch = batch_of(
        {
            f"air-quality/pm25_ugm3/{AREA}/{STATION}": [(at, 300.0) for at in hours],
            f"air-quality/pm25_ugm3/{AREA}/{MARK}": [(now, 1.0)],
        }
    )
    (receipt,) = await push(channel("ingest"), await platform.sign_ins.metadata("vinh-ioc"), request_of(batch))
    assert (receipt.accepted, receipt.quarantined) == (300, 1)
    alert = {"signature_id": 655, "signature": MARK, "category": MARK, "severity": 1}
    event = {"timestamp": now.isoformat(), "event_type": "alert", "src_ip": "192.0.2.55", "host": MARK, "alert": alert}
    lines = [json.dumps(event), f"{MARK}, not json"]
    sent = await api("vinh-ioc").post(
        "/api/v1/security-events", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert sent.status_code == 202, sent.text

    async def first(path: str, **wanted: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found = await items("vinh-ioc", path)
            return next((each for each in found if all(each[key] == wanted[key] for key in wanted)), None)

        return dict(await eventually(look, 20))

    value = await first("/indicator-values/latest", thing=STATION)
    raised = await first("/alerts", thing=STATION, rule="pm25-minute-above")
    set_aside = await first("/quarantine", rule="series-unknown")
    incident = await first("/incidents", title=MARK)
    return Canaries(
        {
            "alert_id": raised["alert_id"],
            "value_id": value["value_id"],
            "item_id": set_aside["item_id"],
            "incident_id": incident["incident_id"],
            "device_id": "aq-vinh-01",
            "series_key": f"air-quality/pm25_ugm3/{AREA}/{STATION}",
        }
    )
