"""Journey 1: readings by MQTT become hours, an index, one warning, and corrections that leave the past readable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

STATION, AREA = "aq-vinh-01", "16681"
SERIES = f"air-quality/pm25_ugm3/{AREA}/{STATION}"
RULE = "vn-aqi-above-150"
BAD, BETWEEN, GOOD, LATE = 130.0, 24.0, 0.0, 970.0
HOUR = timedelta(hours=1)


async def test_readings_become_an_index_a_warning_and_a_correction(
    device: Callable[..., Any],
    api: Callable[..., Any],
    items: Callable[..., Any],
    listen: Callable[..., Any],
    eventually: Callable[..., Any],
    newest_hour: datetime,
    vn_aqi: Callable[[Sequence[float | None]], int],
) -> None:
    station = await device(STATION)
    late_at = newest_hour - 2 * HOUR + timedelta(minutes=50)

    async def index_of(hour: datetime, **query: Any) -> dict[str, Any] | None:
        path = "/indicators/VN-AQI/vn_aqi_hourly/values"
        window = {"from": hour.isoformat(), "to": (hour + HOUR).isoformat()}
        found = await items("truc.ban", path, thing=STATION, **window, **query)
        return found[-1] if found else None

    async def has_index(hour: datetime, means: Sequence[float | None]) -> dict[str, Any] | None:
        value = await index_of(hour)
        return value if value is not None and value["value"] == vn_aqi(means) else None

    async def alerts() -> list[dict[str, Any]]:
        return [each for each in await items("truc.ban", "/alerts", rule=RULE) if each["thing"] == STATION]

    async with listen("truc.ban") as live:
        # Twelve hours, of which the last but one lacks a minute; the newest comes minute by minute.
        for ago in range(12, 1, -1):
            minutes = [minute for minute in range(60) if ago != 2 or minute != 50]
            await station.publish_hour(newest_hour - ago * HOUR, {"pm25_ugm3": BAD}, minutes=minutes)
        bad_hour = newest_hour - HOUR
        for minute in range(60):
            await station.publish_hour(bad_hour, {"pm25_ugm3": BAD}, minutes=[minute])

        async def is_whole() -> dict[str, Any] | None:
            # The mean is right from the first minute on, but early in an hour that first minute is a stale one.
            value = await has_index(bad_hour, [BAD] * 12)
            return value if value is not None and not value["is_stale"] else None

        first = await eventually(is_whole, 20)
        assert (first["dominant"], first["band"], first["is_stale"]) == ("pm25", "bad", False)

        # One alert, however many readings arrived; the front end saw it once.
        (alert,) = await eventually(alerts, 10)
        assert (alert["state"], alert["severity"], alert["area"]) == ("open", "severe", AREA)
        assert alert["value"] > 150 == alert["threshold"]
        await eventually(lambda: live.alerts("alert.raised", STATION), 5)
        seen_until = live.last_id

    # Acknowledged while the front end was away: it comes back with its last id and is told, once, and nothing twice.
    taken = await api("truc.ban").post(
        f"/api/v1/alerts/{alert['alert_id']}/acknowledge",
        json={"note": "Đã báo Sở NN&MT kiểm tra trạm"},
        headers={"If-Match": f'"{alert["etag"]}"'},
    )
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    again = await api("truc.ban").post(f"/api/v1/alerts/{alert['alert_id']}/acknowledge")
    assert (again.status_code, again.json()["etag"]) == (200, taken.json()["etag"])
    async with listen("truc.ban", last_id=seen_until) as live:
        await eventually(lambda: live.alerts("alert.acknowledged", STATION), 5)
        assert not live.alerts("alert.raised", STATION)

        # Hysteresis: under the threshold but above the resolving one it stands; below that one it resolves.
        between = [BETWEEN] + [BAD] * 11
        assert 140 < vn_aqi(between) <= 150
        await station.publish_hour(newest_hour, {"pm25_ugm3": BETWEEN})
        await eventually(lambda: has_index(newest_hour, between), 20)
        assert [each["state"] for each in await alerts()] == ["acknowledged"]

        good = [GOOD] + [BAD] * 11
        assert vn_aqi(good) <= 140
        await station.publish_hour(newest_hour, {"pm25_ugm3": GOOD})
        await eventually(lambda: live.alerts("alert.resolved", STATION), 20)
        assert len(live.alerts("alert.acknowledged", STATION)) == 1
    (resolved,) = await alerts()
    assert (resolved["alert_id"], resolved["state"]) == (alert["alert_id"], "resolved")

    # A reading that comes more than two hours late corrects its hour, the index, and what is shown.
    late_hour = newest_hour - 2 * HOUR
    before = await index_of(late_hour)
    await station.publish_hour(late_hour, {"pm25_ugm3": LATE}, minutes=[50])
    corrected = [(59 * BAD + LATE) / 60] + [BAD] * 11
    assert vn_aqi(corrected) != vn_aqi([BAD] * 12)
    after = await eventually(lambda: has_index(late_hour, corrected), 20)
    assert before["value"] == vn_aqi([BAD] * 12)
    shown = [GOOD, BAD, corrected[0]] + [BAD] * 9
    assert vn_aqi(shown) != vn_aqi(good)
    await eventually(lambda: has_index(newest_hour, shown), 20)
    assert after["known_from"] == (await index_of(late_hour, as_of=after["known_from"]))["known_from"]
    known_then = await index_of(late_hour, as_of=before["known_from"])
    assert (known_then["value_id"], known_then["value"]) == (before["value_id"], before["value"])
    versions = await items(
        "truc.ban",
        "/indicators/VN-AQI/vn_aqi_hourly/values",
        thing=STATION,
        versions="true",
        **{"from": late_hour.isoformat(), "to": (late_hour + HOUR).isoformat()},
    )
    assert [version["known_to"] for version in versions[:-1]] == [version["known_from"] for version in versions[1:]]
    assert versions[-1]["known_to"] is None

    # The readings themselves: the late one is there, the corrected hour has two revisions, the first as it was.
    history = await items(
        "truc.ban",
        "/observations",
        series_key=SERIES,
        revisions="true",
        **{"from": newest_hour.isoformat(), "to": (newest_hour + HOUR).isoformat()},
    )
    assert [(each["revision"], each["value"]) for each in history] == [(1, BETWEEN), (2, GOOD)] * 60
    (late,) = await items(
        "truc.ban",
        "/observations",
        series_key=SERIES,
        **{"from": late_at.isoformat(), "to": (late_at + timedelta(minutes=1)).isoformat()},
    )
    assert (late["revision"], late["value"]) == (1, LATE)
    proof = await api("truc.ban").get(f"/api/v1/indicator-values/{after['value_id']}/proof")
    assert (proof.status_code, proof.json()["is_proved"]) == (200, True)
