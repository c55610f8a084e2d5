"""What goes on the wire, and that a sender which comes back leaves no gap and says nothing twice."""

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ioc.ingest.v1 import intake_pb2
from ioc_devtools.platform.state import CannotRun
from ioc_devtools.simulate import attacks
from ioc_devtools.simulate.air import Air
from ioc_devtools.simulate.centre import MINUTES_A_BATCH, StampingCentre
from ioc_devtools.simulate.doors import Away
from ioc_devtools.simulate.memory import CentreMemory, DeviceMemory, Memory, MemoryFile, PendingBatch
from ioc_devtools.simulate.mqtt_station import MINUTES_A_MESSAGE, MqttStation
from ioc_devtools.simulate.sensors import EveSensor
from ioc_devtools.simulate.stations import CENTRES, DEVICES

NOW = 29_855_640
Nothing = Callable[..., None]


class Stream:
    """A stream of batches that answers receipts, and is cut after some."""

    def __init__(self, answers: int = 1000) -> None:
        self.sent: list[intake_pb2.PushBatchesRequest] = []
        self.answers = answers

    async def write(self, request: intake_pb2.PushBatchesRequest) -> None:
        self.sent.append(request)

    async def read(self) -> intake_pb2.PushBatchesResponse:
        if len(self.sent) > self.answers:
            raise Away("the line was cut")
        return intake_pb2.PushBatchesResponse(receipt=intake_pb2.Receipt(accepted=len(self.sent[-1].batch.value)))

    async def done_writing(self) -> None:
        self.is_done = True


@pytest.fixture
def a_centre(air: Air, doors: Any, keep: Nothing, tell: Nothing) -> Callable[[CentreMemory], StampingCentre]:
    return lambda memory: StampingCentre(CENTRES[0], air, doors, memory, keep, tell)


def _minutes(requests: list[intake_pb2.PushBatchesRequest]) -> list[int]:
    return [
        time // 60_000_000 for request in requests for time in request.batch.time_us[:: len(request.batch.series_keys)]
    ]


async def test_a_centre_that_was_cut_off_goes_on_with_the_batch_it_had_no_receipt_for(
    a_centre: Callable[[CentreMemory], StampingCentre],
) -> None:
    memory = CentreMemory(sent_until=NOW - 3 * MINUTES_A_BATCH)
    cut = Stream(answers=1)
    with pytest.raises(Away):
        await a_centre(memory)._push(cut, NOW)  # type: ignore[arg-type]
    assert memory.pending == PendingBatch(2, NOW - 2 * MINUTES_A_BATCH + 1, NOW - MINUTES_A_BATCH)
    again = Stream()
    await a_centre(memory)._push(again, NOW + 1)  # type: ignore[arg-type]
    assert again.sent[0] == cut.sent[-1]
    assert [request.stamp.sequence for request in again.sent] == [2, 3, 4]
    assert _minutes([cut.sent[0], *again.sent]) == list(range(NOW - 3 * MINUTES_A_BATCH + 1, NOW + 2))


def test_the_stamp_is_made_over_the_batch_as_serialised(a_centre: Callable[[CentreMemory], StampingCentre]) -> None:
    request = a_centre(CentreMemory()).request(PendingBatch(1, NOW, NOW))
    assert request.stamp.content_sha256 == hashlib.sha256(request.batch.SerializeToString(deterministic=True)).digest()
    assert len(request.batch.value) == len(request.batch.series_index) == len(request.batch.time_us) == 16


def test_a_station_says_one_reading_as_an_object_and_more_as_a_list_within_the_message_cap(
    air: Air, doors: Any, keep: Nothing, tell: Nothing
) -> None:
    station = MqttStation(DEVICES[0], air, doors, DeviceMemory(), keep, tell)
    one = json.loads(station._payload(NOW, NOW))
    assert one["at"] == "2026-10-07T09:00:00+07:00"
    assert set(one["values"]) == set(DEVICES[0].measures)
    many = station._payload(NOW, NOW + MINUTES_A_MESSAGE - 1)
    assert len(json.loads(many)) == MINUTES_A_MESSAGE
    assert len(many) < 64 * 1024


async def test_a_sensor_reports_each_minute_once_and_again_only_what_did_not_arrive(
    doors: Any, memory: Memory, keep: Nothing, tell: Nothing
) -> None:
    sensor = EveSensor(doors, memory, keep, tell)
    await sensor.deliver(NOW)
    doors.failures.append(Away("not now"))
    with pytest.raises(Away):
        await sensor.deliver(NOW + 2)
    await sensor.deliver(NOW + 2)
    expected = [attacks.eve_lines(memory.seed, NOW + n, is_first=n == 0) for n in range(3)]
    assert [each["content"] for each in doors.posts] == expected


def test_eve_lines_are_json_and_the_first_minute_brings_an_exploit_attempt() -> None:
    records = [json.loads(line) for line in attacks.eve_lines(655, NOW, is_first=True).splitlines()]
    assert {record["event_type"] for record in records} == {"flow", "alert"}
    assert min(record["alert"]["severity"] for record in records if "alert" in record) == 1


def test_syslog_frames_count_their_octets() -> None:
    frames = attacks.syslog_frames(655, NOW, is_first=True)
    found = []
    while frames:
        length, _, rest = frames.partition(b" ")
        found.append(rest[: int(length)])
        frames = rest[int(length) :]
    assert len(found) >= 3
    assert all(line.startswith(b"<86>1 2026-10-07T02:00:") for line in found)


def test_the_memory_comes_back_as_it_was_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "simulator.json")
    memory = file.load(NOW)
    assert memory.began == NOW
    memory.devices["aq-vinh-01"] = DeviceMemory("secret", NOW)
    memory.centres["vinh-ioc"] = CentreMemory(NOW, 7, PendingBatch(8, NOW + 1, NOW + 2))
    memory.sensors["ids"] = NOW
    file.keep(memory)
    assert file.load(NOW + 999) == memory
    assert stat.S_IMODE((tmp_path / "simulator.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["simulator.json"]


def test_a_second_world_is_kept_away_while_one_is_lived(tmp_path: Path) -> None:
    file, second = (MemoryFile(tmp_path / "simulator.json") for _ in range(2))
    with file.claimed(), pytest.raises(CannotRun, match="simulated already"), second.claimed():
        pytest.fail("a second world began")
    with second.claimed():
        assert second.load(NOW).began == NOW
