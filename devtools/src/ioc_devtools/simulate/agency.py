"""The Department of Planning: uploads its figures when they are new, and a correction the day after it began."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

from ioc_devtools.simulate.doors import Doors
from ioc_devtools.simulate.investment import SOURCE, year_file
from ioc_devtools.simulate.memory import Memory
from ioc_devtools.simulate.rounds import Keep, Tell

LOGIN = "so.khdt"
PAST_YEAR = 2024
_VIET_NAM = timezone(timedelta(hours=7))


class Department:
    """One uploader. What it has sent it does not send again until it says something new."""

    name = LOGIN

    def __init__(self, doors: Doors, memory: Memory, keep: Keep, tell: Tell) -> None:
        self._doors = doors
        self._memory = memory
        self._keep = keep
        self._tell = tell

    async def deliver(self, until: int) -> None:
        """Uploads the files that are new by that minute. Raises Away or Refused."""
        for name, content, reason in self._files(until):
            digest = hashlib.sha256(content).hexdigest()
            if self._memory.files.get(name) == digest:
                continue
            answer = await self._doors.post(
                f"/sources/{SOURCE}/files",
                login=LOGIN,
                params={"filename": name, "reason": reason},
                content=content,
                headers={"Content-Type": "text/csv"},
            )
            self._memory.files[name] = digest
            self._keep()
            receipt = answer["receipt"]
            self._tell(self.name, f"{name}: {receipt['accepted']} of {receipt['received']} rows accepted")

    async def aclose(self) -> None:
        """Nothing stays open between rounds."""

    def _files(self, until: int) -> Iterator[tuple[str, bytes, str]]:
        now = datetime.fromtimestamp(until * 60, UTC).astimezone(_VIET_NAM)
        began = datetime.fromtimestamp(self._memory.began * 60, UTC).astimezone(_VIET_NAM)
        seed = self._memory.seed
        yield f"giai-ngan-{PAST_YEAR}.csv", year_file(seed, PAST_YEAR, 12), ""
        is_corrected = now.date() > began.date()
        reason = "Đính chính theo đối chiếu với Kho bạc" if is_corrected else ""
        content = year_file(seed, now.year, now.month, is_corrected=is_corrected)
        yield f"giai-ngan-{now.year}.csv", content, reason
