"""Where one syslog message ends and the next begins on a TCP stream (RFC 6587), without any input or output itself.

Both methods of the RFC are taken, told apart at each frame by its first byte as rsyslog does: a digit begins octet
counting (section 3.4.1), `<` begins a message that ends at a line feed (section 3.4.2, non-transparent framing).
Octet counting is the one to use: a message with a line feed inside stays whole only there. After anything else the
next boundary cannot be found, so the stream is broken and the connection ends.
"""

from __future__ import annotations

from ioc_soc_bridge.domain.event import ORIGINAL_LIMIT, RefusalReason, Refused

Frame = bytes | Refused
MAX_COUNT_DIGITS = 8
_BETWEEN = b"\r\n"
"""Line ends that some senders put after a counted frame."""


class FrameReader:
    """Takes bytes as they come, gives whole frames; holds at most `max_frame` bytes whatever is sent."""

    def __init__(self, max_frame: int = 64 * 1024, max_skip: int = 4 * 1024 * 1024) -> None:
        self._max_frame = max_frame
        self._max_skip = max_skip
        self._buffer = bytearray()
        self._wanted: int | None = None
        """Size of the counted frame that is coming; None between frames and in a line."""
        self._skipping = 0
        """Bytes of the running frame dropped so far because it is too long; its head is in the buffer."""
        self.is_broken = False

    @property
    def is_mid_frame(self) -> bool:
        """True when a frame has begun and not ended."""
        return bool(self._buffer) or self._wanted is not None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete. After `is_broken` nothing is taken any more."""
        frames: list[Frame] = []
        rest = memoryview(data)
        while len(rest) and not self.is_broken:
            if not self.is_mid_frame and rest[0] in _BETWEEN:
                rest = rest[1:]
            elif self._wanted is not None:
                rest = self._take_counted(rest, frames)
            elif (self._buffer[0] if self._buffer else rest[0]) == ord("<"):
                rest = self._take_line(rest, frames)
            else:
                rest = self._take_count(rest, frames)
        return frames

    def finish(self) -> list[Frame]:
        """What the end of the stream leaves: an unended line is a message, a cut counted frame is refused."""
        if self.is_broken or not self.is_mid_frame:
            return []
        head, skipped, wanted = bytes(self._buffer), self._skipping, self._wanted
        self._start_again()
        if wanted is None and head.startswith(b"<") and not skipped:
            return [head.rstrip(b"\r")]
        return [_refuse(head, skipped, f"the connection ended inside a frame of {wanted or 'unknown'} bytes")]

    def _take_count(self, rest: memoryview, frames: list[Frame]) -> memoryview:
        for index, byte in enumerate(rest):
            self._buffer.append(byte)
            digits = bytes(self._buffer[:-1])
            if byte == ord(" ") and digits and not digits.startswith(b"0"):
                self._wanted = int(digits)
                self._buffer.clear()
                if self._wanted > self._max_skip:
                    self._break(rest[index + 1 :], frames, f"announces {self._wanted} bytes")
                return rest[index + 1 :]
            if not 0x30 <= byte <= 0x39 or len(self._buffer) > MAX_COUNT_DIGITS:
                self._break(rest[index + 1 :], frames, "begins with neither a length and a space nor <")
                return rest[index + 1 :]
        return rest[len(rest) :]

    def _take_counted(self, rest: memoryview, frames: list[Frame]) -> memoryview:
        assert self._wanted is not None  # noqa: S101  # the caller looked
        missing = self._wanted - len(self._buffer) - self._skipping
        self._keep(rest[:missing])
        if len(rest) >= missing:
            frames.append(self._whole())
        return rest[missing:]

    def _take_line(self, rest: memoryview, frames: list[Frame]) -> memoryview:
        end = bytes(rest).find(b"\n")
        self._keep(rest if end < 0 else rest[:end])
        if end >= 0:
            frames.append(self._whole())
            return rest[end + 1 :]
        if self._skipping > self._max_skip:
            self._break(rest[len(rest) :], frames, "has no line end")
        return rest[len(rest) :]

    def _keep(self, part: memoryview) -> None:
        room = max(self._max_frame - len(self._buffer), 0)
        self._buffer += part[:room]
        self._skipping += max(len(part) - room, 0)

    def _whole(self) -> Frame:
        head, skipped = bytes(self._buffer), self._skipping
        is_line = self._wanted is None
        self._start_again()
        if skipped:
            detail = f"a frame holds at most {self._max_frame} bytes, this one has {len(head) + skipped}"
            return Refused(RefusalReason.TOO_LONG, detail, head[:ORIGINAL_LIMIT], len(head) + skipped)
        return head.rstrip(b"\r") if is_line else head

    def _break(self, rest: memoryview, frames: list[Frame], why: str) -> None:
        seen = bytes(self._buffer) + bytes(rest[:ORIGINAL_LIMIT])
        frames.append(_refuse(seen, self._skipping, f"the stream {why}: use octet counting (RFC 6587, 3.4.1)"))
        self._start_again()
        self.is_broken = True

    def _start_again(self) -> None:
        self._buffer.clear()
        self._wanted = None
        self._skipping = 0


def _refuse(seen: bytes, skipped: int, detail: str) -> Refused:
    return Refused(RefusalReason.BAD_FRAME, detail, seen[:ORIGINAL_LIMIT], len(seen) + skipped)
