"""Administrative areas of three kinds of file, brought to one noun, and what became of the areas of 2024."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from ioc_devtools.catalogue.entry import AreaCode, Entry, Text, Verification

AreaKind = Literal["province", "city", "town", "district", "commune", "ward"]
PROVINCE = "40"
DISTRICTS_ENDED_ON = date(2025, 7, 1)
_PREFIX_VI = {
    "province": "Tỉnh ",
    "city": "Thành phố ",
    "town": "Thị xã ",
    "district": "Huyện ",
    "commune": "Xã ",
    "ward": "Phường ",
}


class Area(Entry):
    """One administrative unit; areas in km², populations in persons (census of 2019), centre in degrees (WGS 84)."""

    code: AreaCode
    kind: AreaKind
    name_vi: Text
    parent: AreaCode | None
    valid_from: date | None
    valid_to: date | None
    area_km2: float | None = None
    population_2019: int | None = None
    urban_population_2019: int | None = None
    communes_2024_09: int | None = None
    communes_2024_12: int | None = None
    centre_lon: float | None = None
    centre_lat: float | None = None
    formed_from: tuple[str, ...] = ()
    verification: Verification = Verification.CONFIRMED

    @property
    def name_en(self) -> str:
        """The proper name with the English word for its kind, e.g. "Thành Vinh Ward"; names are not translated."""
        return f"{self.name_vi.removeprefix(_PREFIX_VI[self.kind])} {self.kind.capitalize()}"

    def holds_on(self, day: date) -> bool:
        """Whether the area exists on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


class Succession(Entry):
    """From that day, `successor` stands on ground of `predecessor`; `cite` is the instrument's code."""

    predecessor: AreaCode
    successor: AreaCode
    from_day: date
    cite: str


class _Row(Entry):
    """A line of a CSV file: text becomes numbers and days here; an empty cell is None."""

    model_config = ConfigDict(strict=False, extra="forbid", frozen=True)

    code: AreaCode
    name_vi: Text
    valid_from: date | None
    valid_to: date | None


class ProvinceRow(_Row):
    """A line of areas/province.csv."""

    kind: Literal["province"]
    verification: Verification


class DistrictRow(_Row):
    """A line of areas/2024.csv."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")]
    kind: Literal["city", "town", "district"]
    valid_to: date
    merged_into: AreaCode | None
    communes_2024_09: Annotated[int, Field(ge=0)]
    communes_2024_12: Annotated[int, Field(ge=0)]
    successors_2025_07: Annotated[int, Field(ge=0)]
    area_km2_2024_12: Annotated[float, Field(gt=0)] | None
    population_2019: Annotated[int, Field(gt=0)]
    urban_population_2019: Annotated[int, Field(ge=0)]


class CommuneRow(_Row):
    """A line of areas/2025.csv."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
    kind: Literal["commune", "ward"]
    valid_from: date
    district_2024: AreaCode
    area_km2: Annotated[float, Field(gt=0)]
    centre_lon: Annotated[float, Field(ge=103.0, le=107.0)]
    centre_lat: Annotated[float, Field(ge=18.0, le=20.5)]
    formed_from: Text


def province_area(row: ProvinceRow) -> Area:
    """The province as an area."""
    return Area(
        code=row.code, kind=row.kind, name_vi=row.name_vi, parent=None, valid_from=row.valid_from,
        valid_to=row.valid_to, verification=row.verification,
    )  # fmt: skip


def district_area(row: DistrictRow) -> Area:
    """A district-level unit as an area."""
    return Area(
        code=row.code, kind=row.kind, name_vi=row.name_vi, parent=PROVINCE, valid_from=row.valid_from,
        valid_to=row.valid_to, area_km2=row.area_km2_2024_12, population_2019=row.population_2019,
        urban_population_2019=row.urban_population_2019, communes_2024_09=row.communes_2024_09,
        communes_2024_12=row.communes_2024_12,
    )  # fmt: skip


def commune_area(row: CommuneRow) -> Area:
    """A commune or ward as an area; it stands right below the province."""
    return Area(
        code=row.code, kind=row.kind, name_vi=row.name_vi, parent=PROVINCE, valid_from=row.valid_from,
        valid_to=row.valid_to, area_km2=row.area_km2, centre_lon=row.centre_lon, centre_lat=row.centre_lat,
        formed_from=tuple(part.strip() for part in row.formed_from.split(",")),
    )  # fmt: skip


def successions(districts: tuple[DistrictRow, ...], communes: tuple[CommuneRow, ...]) -> tuple[Succession, ...]:
    """Mergers of districts on their day, then each commune or ward as a successor of the district it stands on."""
    mergers = [
        Succession(predecessor=row.code, successor=row.merged_into, from_day=row.valid_to, cite="NQ-1243-2024")
        for row in districts
        if row.merged_into
    ]
    units = [
        Succession(predecessor=row.district_2024, successor=row.code, from_day=row.valid_from, cite="NQ-1678-2025")
        for row in communes
    ]
    return (*mergers, *units)
