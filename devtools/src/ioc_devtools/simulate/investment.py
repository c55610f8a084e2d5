"""Public investment by month and owner, as the Department of Planning would send it: SDMX-CSV 2.0, written by hand.

The figures are made up; their shape is not: hardly anything in the first months, a rush at the end, and a plan that is
raised in summer. In November 2026 the province falls behind its target by more than the margin, for the first time.
Rows are written as plain CSV, because pysdmx would cost 200 MB; a test reads them with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from ioc_devtools.simulate.chance import swing

SOURCE = "public-investment"
COLUMNS = (
    "STRUCTURE",
    "STRUCTURE_ID",
    "ACTION",
    "FREQ",
    "REF_AREA",
    "OWNER",
    "INDICATOR",
    "TIME_PERIOD",
    "OBS_VALUE",
    "UNIT_MEASURE",
)
_BILLION = 1_000_000_000
_MILLION = 1_000_000
_RAISED_IN = 7
_RAISE = 1.04


@dataclass(frozen=True, slots=True)
class _Year:
    """Plans at the beginning of the year in billion VND by owner, and the share disbursed by the end of each month."""

    plans: dict[str, float]
    shares: tuple[float, ...]


_2024 = _Year(
    {
        "SO-GTVT": 2610.0,
        "SO-XD": 420.0,
        "SO-YTE": 515.0,
        "SO-GDDT": 610.0,
        "SO-NNPTNT": 1180.0,
        "CA-TINH": 160.0,
        "UBND-VINH": 870.0,
        "UBND-HOANGMAI": 240.0,
        "UBND-HUYEN": 2480.0,
    },
    (0.02, 0.08, 0.16, 0.25, 0.33, 0.42, 0.50, 0.58, 0.66, 0.74, 0.82, 0.956),
)
_SINCE_2025 = _Year(
    {"SO-XD": 3280.0, "SO-YTE": 560.0, "SO-GDDT": 720.0, "SO-NNMT": 1390.0, "CA-TINH": 185.0, "DIA-PHUONG": 3470.0},
    # A straight way to 95 % asks for 79.17 % by October and 87.08 % by November, with a margin of ten points.
    (0.012, 0.075, 0.155, 0.24, 0.32, 0.40, 0.48, 0.56, 0.64, 0.715, 0.742, 0.93),
)
_AHEAD = {"SO-XD": 1.08, "CA-TINH": 1.2, "SO-YTE": 0.9, "SO-GDDT": 0.97, "DIA-PHUONG": 0.94, "SO-GTVT": 1.05}
_CORRECTED = ("SO-NNMT", "DIA-PHUONG")
_CORRECTION = 1.015


def year_file(seed: int, year: int, until_month: int, *, is_corrected: bool = False) -> bytes:
    """The year's file up to a month, UTF-8 with CRLF. A corrected one has more for two owners in that month."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for month in range(1, until_month + 1):
        correction = _CORRECTION if is_corrected and month == until_month else 1.0
        for owner, plan, disbursed in _owners(seed, year, month):
            settled = disbursed * (correction if owner in _CORRECTED else 1.0)
            for measure, value in (("investment_plan_vnd", plan), ("disbursed_vnd", settled)):
                writer.writerow(_row(owner, measure, year, month, value))
    return text.getvalue().encode()


def _row(owner: str, measure: str, year: int, month: int, value: float) -> tuple[str, ...]:
    vnd = str(round(value / _MILLION) * _MILLION)
    period = f"{year:04d}-{month:02d}"
    return ("dataflow", "NGHEAN:PUBLIC_INVESTMENT(1.0)", "R", "M", "40", owner, measure, period, vnd, "VND")


def _owners(seed: int, year: int, month: int) -> Iterator[tuple[str, float, float]]:
    shape = _2024 if year < 2025 else _SINCE_2025
    for owner, billions in shape.plans.items():
        plan = billions * _BILLION * (_RAISE if month >= _RAISED_IN else 1.0)
        pace = _AHEAD.get(owner, 1.0) * (1.0 + 0.02 * swing(seed, year, owner))
        yield owner, plan, plan * min(shape.shares[month - 1] * pace, 0.998)
