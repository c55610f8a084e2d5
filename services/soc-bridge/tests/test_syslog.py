"""RFC 5424 messages and their framing on TCP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc_soc_bridge.domain.event import ORIGINAL_LIMIT, RefusalReason, Refused, SecurityEvent
from ioc_soc_bridge.domain.severity import Severity
from ioc_soc_bridge.protocols.framing import FrameReader
from ioc_soc_bridge.protocols.syslog import SyslogMessage, parse, read

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
BOM = b"\xef\xbb\xbf"
# RFC 5424 section 6.5, examples 1 to 4.
RFC_1 = (
    b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
    + BOM
    + b"'su root' failed for lonvick on /dev/pts/8"
)
RFC_2 = b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts."
RFC_3 = (
    b'<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" '
    b'eventSource="Application" eventID="1011"] ' + BOM + b"An application event log entry..."
)
RFC_4 = (
    b'<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" '
    b'eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]'
)
SSHD = (
    b"<86>1 2026-11-23T07:30:11.511902+07:00 web-01 sshd 20113 - - "
    b"Failed password for invalid user admin from 203.0.113.77 port 40122 ssh2"
)
FORTIGATE = b'<188>1 2026-11-23T07:30:12+07:00 FGT60F - - - [src_ip@12356 srcip="198.51.100.4" dstip="10.40.1.20"] deny'

# The machine that runs this may be busy: slowness is no finding here.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def the_message(frame: bytes) -> SyslogMessage:
    found = parse(frame, NOW)
    assert isinstance(found, SyslogMessage), found
    return found


def the_event(frame: bytes, sensor: str = "fw-1") -> SecurityEvent:
    found = read(frame, sensor, NOW)
    assert isinstance(found, SecurityEvent), found
    return found


def test_the_examples_of_the_rfc_parse() -> None:
    first = the_message(RFC_1)
    assert (first.facility, first.severity, first.hostname, first.app_name) == (4, 2, "mymachine.example.com", "su")
    assert (first.procid, first.msgid) == ("", "ID47")
    assert first.at == datetime(2003, 10, 11, 22, 14, 15, 3000, tzinfo=UTC)
    assert first.message == "'su root' failed for lonvick on /dev/pts/8"
    second = the_message(RFC_2)
    assert second.at == datetime(2003, 8, 24, 12, 14, 15, 3, tzinfo=UTC)
    assert second.message == "%% It's time to make the do-nuts."
    params = (("iut", "3"), ("eventSource", "Application"), ("eventID", "1011"))
    assert the_message(RFC_3).structured_data == (("exampleSDID@32473", params),)
    fourth = the_message(RFC_4)
    assert fourth.structured_data[1] == ("examplePriority@32473", (("class", "high"),))
    assert fourth.message == ""


def test_nil_values_everywhere_are_fine() -> None:
    message = the_message(b"<13>1 - - - - - -")
    assert (message.at, message.hostname, message.app_name, message.structured_data) == (None, "", "", ())
    event = the_event(b"<11>1 - - - - - -")
    assert event.at == NOW
    assert event.signature == "unknown/-"


def test_escapes_and_repeated_names_in_structured_data_are_kept() -> None:
    message = the_message(rb'<13>1 - h a - - [x@1 k="a\"b\\c\]d" k="two" u="\xy"] ' + "tin nhắn".encode())
    assert message.structured_data == (("x@1", (("k", 'a"b\\c]d'), ("k", "two"), ("u", "\\xy"))),)
    assert message.message == "tin nhắn"


def test_vietnamese_after_the_byte_order_mark_is_read_and_a_lie_is_refused() -> None:
    assert the_message(b"<13>1 - h a - - - " + BOM + "đăng nhập sai".encode()).message == "đăng nhập sai"
    found = parse(b"<13>1 - h a - - - " + BOM + b"\xc3\x28", NOW)
    assert isinstance(found, Refused)
    assert found.reason is RefusalReason.NOT_UTF8
    # Without the mark nothing is promised: Windows-1258 text is taken as far as it goes.
    assert the_message(b"<13>1 - h a - - - \xd0\xe3ng").message == "\ufffd\ufffdng"


@pytest.mark.parametrize(
    ("frame", "reason", "words"),
    [
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", RefusalReason.NOT_RFC5424, "RFC 3164"),
        (b"<192>1 - - - - - -", RefusalReason.NOT_RFC5424, "191"),
        (b"<034>1 - - - - - -", RefusalReason.NOT_RFC5424, "header"),
        (b"<34>2 - - - - - -", RefusalReason.NOT_RFC5424, "version"),
        (b"<34>1 2003-10-11t22:14:15z - - - - -", RefusalReason.BAD_TIME, "6.2.3"),
        (b"<34>1 2003-10-11T22:14:15.1234567Z - - - - -", RefusalReason.BAD_TIME, "6.2.3"),
        (b"<34>1 2026-11-23T22:14:60Z - - - - -", RefusalReason.BAD_TIME, "ISO 8601"),
        (b"<34>1 2026-11-23T05:14:00Z - - - - -", RefusalReason.BAD_TIME, "ahead"),
        (b"<34>1 - - - - - ", RefusalReason.NOT_RFC5424, "structured data"),
        (b'<34>1 - - - - - [x@1 k="unescaped ] here"]', RefusalReason.NOT_RFC5424, "breaks off"),
        (b"<34>1 - - - - - [x@1", RefusalReason.NOT_RFC5424, "breaks off"),
        (b"<34>1 - - - - - -no space", RefusalReason.NOT_RFC5424, "no space"),
        (b"<34>1 - - - - - [x@1" + b' k="v"' * 65 + b"]", RefusalReason.NOT_RFC5424, "more than 64"),
        (b"", RefusalReason.NOT_RFC5424, "header"),
        (b"\x00" * 70000, RefusalReason.NOT_RFC5424, "header"),
    ],
)
def test_what_is_not_rfc5424_is_refused_with_its_reason(frame: bytes, reason: RefusalReason, words: str) -> None:
    found = parse(frame, NOW)
    assert isinstance(found, Refused)
    assert found.reason is reason
    assert words in found.detail
    assert found.original == frame[:ORIGINAL_LIMIT]


def test_a_failed_ssh_login_is_an_event_although_sshd_says_info() -> None:
    event = the_event(SSHD)
    assert (event.category, event.signature) == ("authentication-failure", "ssh-failed-login")
    assert (event.severity, event.source_ip, event.source_port) == (Severity.LOW, "203.0.113.77", 40122)
    assert event.attributes["user"] == "admin"
    assert event.opens_incident


def test_a_failed_su_keeps_its_own_severity() -> None:
    event = the_event(RFC_1)
    assert (event.severity, event.category) == (Severity.HIGH, "authentication-failure")


def test_addresses_come_from_structured_data() -> None:
    event = the_event(FORTIGATE)
    assert (event.source_ip, event.destination_ip, event.severity) == ("198.51.100.4", "10.40.1.20", Severity.LOW)


def test_an_ordinary_line_opens_no_incident() -> None:
    assert not the_event(b"<30>1 2026-11-23T00:30:11Z web-01 systemd 1 - - Started Daily apt upgrade.").opens_incident


def test_the_same_bytes_are_the_same_event_and_without_a_time_the_second_counts() -> None:
    assert the_event(SSHD).fingerprint == the_event(SSHD).fingerprint
    assert the_event(SSHD).fingerprint != the_event(SSHD, "fw-2").fingerprint
    nil = b"<34>1 - h a - - - x"
    later = read(nil, "fw-1", NOW.replace(second=1))
    assert isinstance(later, SecurityEvent)
    assert the_event(nil).fingerprint != later.fingerprint


def counted(*frames: bytes) -> bytes:
    return b"".join(str(len(frame)).encode() + b" " + frame for frame in frames)


def test_counted_frames_come_out_whole_whatever_is_in_them() -> None:
    frames = [RFC_1, b"<13>1 - - - - - - two\nlines", SSHD]
    assert FrameReader().feed(counted(*frames)) == frames


def test_lines_and_counted_frames_may_alternate() -> None:
    stream = RFC_1 + b"\n" + counted(SSHD) + b"\r\n" + RFC_2 + b"\r\n"
    assert FrameReader().feed(stream) == [RFC_1, SSHD, RFC_2]


def test_a_frame_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    reader = FrameReader(max_frame=100)
    long, *rest = reader.feed(counted(b"<13>1 - - - - - - " + b"x" * 5000, RFC_2[:100]))
    assert isinstance(long, Refused)
    assert (long.reason, long.size_bytes, len(long.original)) == (RefusalReason.TOO_LONG, 5018, 100)
    assert rest == [RFC_2[:100]]
    long, *rest = reader.feed(b"<13>1 " + b"x" * 5000 + b"\n" + b"<13>1\n")
    assert isinstance(long, Refused)
    assert rest == [b"<13>1"]


@pytest.mark.parametrize(
    "stream", [b"GET / HTTP/1.1\r\n", b"0 <34>", b"999999999 <34>", b"99999999 <34>", b"\x16\x03\x01\x02", b"12x"]
)
def test_a_stream_without_frames_is_broken_for_good(stream: bytes) -> None:
    reader = FrameReader()
    (found,) = reader.feed(stream)
    assert isinstance(found, Refused)
    assert found.reason is RefusalReason.BAD_FRAME
    assert reader.is_broken
    assert reader.feed(counted(RFC_1)) == []
    assert reader.finish() == []


def test_the_end_of_the_stream_leaves_a_line_but_refuses_half_a_counted_frame() -> None:
    reader = FrameReader()
    assert reader.feed(RFC_1) == []
    assert reader.finish() == [RFC_1]
    reader.feed(counted(RFC_1)[:-5])
    (found,) = reader.finish()
    assert isinstance(found, Refused)
    assert "ended inside" in found.detail
    assert not reader.is_mid_frame


def test_a_line_without_end_breaks_the_stream_instead_of_filling_memory() -> None:
    reader = FrameReader(max_frame=1000, max_skip=5000)
    found = [frame for _ in range(10) for frame in reader.feed(b"<" * 1000)]
    assert reader.is_broken
    assert len(found) == 1


@patient
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.data())
def test_how_the_bytes_are_cut_does_not_matter(frames: list[bytes], data: st.DataObject) -> None:
    stream = counted(*frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == frames
    assert not reader.is_mid_frame


@patient
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_stream_is_bounded_and_accounted_for(chunks: list[bytes]) -> None:
    reader = FrameReader(max_frame=64, max_skip=256)
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)] + reader.finish()
    for frame in frames:
        if isinstance(frame, bytes):
            assert len(frame) <= 64
        else:
            assert len(frame.original) <= ORIGINAL_LIMIT
    assert not reader.is_mid_frame or reader.is_broken


@patient
@given(st.binary(max_size=400) | st.builds(lambda tail: b"<34>1 - h a - - " + tail, st.binary(max_size=400)))
def test_any_bytes_are_a_message_or_refused(frame: bytes) -> None:
    found = read(frame, "fw-1", NOW)
    if isinstance(found, SecurityEvent):
        found.summary.encode()
        assert len(found.summary) <= 500
        assert "\x00" not in repr(found)


@patient
@given(st.text(max_size=80), st.text(max_size=80))
def test_a_well_formed_message_gives_back_what_was_put_in(value: str, text: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
    frame = f'<13>1 2026-11-23T00:00:00Z h a 1 m [x@1 k="{escaped}"] \ufeff{text}'.encode()
    message = the_message(frame)
    assert message.structured_data == (("x@1", (("k", value),)),)
    assert message.message == text.rstrip("\r\n")
