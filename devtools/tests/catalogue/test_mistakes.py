"""Each kind of mistake gets an error that names file, line, field and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ioc_devtools.catalogue import CatalogueError, Problem, load

Spoil = Callable[[str, str, str], None]
Problems = Callable[[], tuple[Problem, ...]]
AIR = "contracts/air-quality.nghe-an.yaml"
MONEY = "contracts/public-investment.nghe-an.yaml"

# file, text to replace, with what, field of the problem, words of its message, words of its remedy
MISTAKES = {
    "unknown agency": ("sources.yaml", "lead: [SO-YTE]", "lead: [SO-YT]", ".lead.0", "no agency 'SO-YT'", "SO-YTE"),
    "unknown field": ("sources.yaml", "    phase: expanded", "    fase: expanded", ".fase", "not a known", "phase?"),
    "missing field": ("sources.yaml", "    cadence: hour\n", "", ".cadence", "is missing", "add it"),
    "no such choice": ("sources.yaml", "phase: expanded", "phase: later", ".phase", "'later'", "'inherited'"),
    "number for text": ("sources.yaml", 'ref: "3.1.1"', "ref: 3.1", ".ref", "3.1 is not text", '"3.1"'),
    "text for a number": ("plan.yaml", "{step: 1,", '{step: "1",', "steps.0.step", "not a whole", "without quotes"),
    "readiness of others": (
        "sources.yaml",
        "done: [connect]",
        "done: [live]",
        ".readiness.done.0",
        "'live'",
        "make-smart",
    ),
    "measure of nobody": ("sources.yaml", "/rainfall_mm", "/rain_mm", ".uses.0", "no measure", "source/measure"),
    "source twice": ("sources.yaml", "code: wan-level2", "code: soc", ".code", "stands here twice", "own code"),
    "key twice": (
        "tenants.yaml",
        "    parent: null\n",
        "    parent: null\n    parent: null\n",
        "parent",
        "twice",
        "one of",
    ),
    "not YAML": ("tenants.yaml", "tenants:", "tenants: [", "", "not YAML", "mend"),
    "not a day": ("tenants.yaml", "from: 2024-08-22}", "from: 22/8/2024}", ".from", "not a day", "2024-08-22"),
    "tenant without its parent": (
        "tenants.yaml",
        "parent: nghe-an",
        "parent: ha-tinh",
        ".parent",
        "no tenant",
        "tenants.yaml",
    ),
    "two roots": ("tenants.yaml", "parent: nghe-an", "parent: null", "tenants", "2 tenants have no parent", "one root"),
    "area of nowhere": ("tenants.yaml", '"16681"', '"16682"', ".codes.0", "no area '16682'", "did you mean"),
    "area before its time": ("tenants.yaml", '["40"]', '["16681"]', ".codes.0", "does not exist on", "by date"),
    "area after its time": ("tenants.yaml", ", to: 2025-07-01", "", ".codes.0", "ends on 2025-07-01", "to: 2025-07-01"),
    "instrument of nobody": (
        "tenants.yaml",
        "instrument: KH-655",
        "instrument: KH-656",
        ".instrument",
        "KH-656",
        "KH-655",
    ),
    "superseded by nothing": (
        "instruments.yaml",
        "[ND-47-2020]",
        "[ND-48-2020]",
        ".supersedes.0",
        "ND-48",
        "ND-47-2020",
    ),
    "agency without parent": ("agencies.yaml", "parent: SO-TTTT", "parent: SO-X", ".parent", "no agency", "?"),
    "unit twice": ("units.yaml", "code: Cel", 'code: "%"', "units.2.code", "stands here twice", "remove one"),
    "cell that is no number": ("areas/2025.csv", ",15.54,", ',"15,54",', "area_km2", "not a number", "decimal point"),
    "cell too many": ("areas/2025.csv", ",15.54,", ",15,54,", "0", "more or fewer cells", "quote"),
    "district of nowhere": ("areas/2025.csv", ",412,15.54", ",499,15.54", "district_2024", "no district '499'", "mean"),
    "count of successors": (
        "areas/2024.csv",
        "9,9,3,134.9",
        "9,9,4,134.9",
        "successors_2025_07",
        "4 successors printed",
        "count",
    ),
    "unknown unit": (AIR, "unit: ug/m3", "unit: ppb", "measures.0.unit", "no unit 'ppb'", "units.yaml"),
    "measure not in source": (AIR, "code: pm25_ugm3", "code: pm2_ugm3", "measures.0.code", "no measure", "pm25_ugm3?"),
    "not a duration": (AIR, "PT72H", "72h", "allowed_lateness", "not an ISO 8601 duration", "PT72H"),
    "range upside down": (
        AIR,
        "minimum: -10, maximum: 60",
        "minimum: 60, maximum: -10",
        "measures.6",
        "below maximum",
        "",
    ),
    "topic wildcard": (AIR, "device: aq-vinh-01", "device: aq/#", "things.0.device", "form of a device", "match"),
    "device twice": (
        AIR,
        "device: aq-vinh-01",
        "device: aq-hm-01",
        "things.0.device",
        "hoang-mai.yaml already",
        "its own",
    ),
    "area not of the tenant": (
        "contracts/air-quality.vinh.yaml",
        '"16708"',
        '"17110"',
        "things.0.area",
        "ground of",
        "tenant",
    ),
    "area gone": (MONEY, 'areas: ["40"]', 'areas: ["16681"]', "areas.0", "does not exist on 2024-01-01", "valid_from"),
    "owner of nobody": (MONEY, "CA-TINH", "CA-TINHH", "dimensions.0.codes.6", "no agency", "CA-TINH?"),
    "column missing": (MONEY, "role: unit", "role: value", "sdmx", "exactly one column has the role 'value'", ""),
    "door without shape": (MONEY, "doors: [sdmx-csv]", "doors: [grpc]", "", "go together", "contradicts"),
    "things of statistics": (MONEY, "kind: statistics", "kind: readings", "", "has things", "contradicts"),
    "formula reads more": (
        "indicators/kh-655.yaml",
        "disbursed / plan",
        "paid / plan",
        "indicators.0",
        "reads paid, plan",
        "",
    ),
    "dimension of nobody": (
        "indicators/kh-655.yaml",
        "dimension: OWNER",
        "dimension: OWNERS",
        "indicators.0.dimension",
        "no dimension",
        "OWNER?",
    ),
    "bands that fall": ("indicators/vn-aqi.yaml", "up_to: 100", "up_to: 40", "indicators.0", "have to rise", ""),
    "filled slot": ("indicators/vn-3098.yaml", "state: awaited", "state: filled", "", "awaited set is empty", ""),
    "target for nothing": (
        "targets.yaml",
        "KH-655/hamlets_with_4g_share",
        "KH-655/hamlets_4g",
        ".indicator",
        "no indicator",
        "?",
    ),
    "target in another unit": (
        "targets.yaml",
        'unit: "%"',
        "unit: VND",
        "targets.0.unit",
        "the indicator's is '%'",
        "unit",
    ),
    "two targets at once": (
        "targets.yaml",
        "    valid_to: 2026-01-01\n",
        "",
        ".valid_from",
        "as disbursed-share-2025",
        "valid_to",
    ),
    "awaited with a value": (
        "targets.yaml",
        "value: null",
        "value: 95",
        "targets.1",
        "awaited target has no value",
        "",
    ),
    "cited without a place": ("targets.yaml", "    basis: ours\n", "    basis: cited\n", "targets.2", "says where", ""),
    "rule that cannot end": (
        "rules/air-quality.yaml",
        "value: 140",
        "value: 160",
        "rules.0",
        "before it is raised",
        "",
    ),
    "rule on nothing": (
        "rules/air-quality.yaml",
        "measure: pm25_ugm3",
        "measure: pm1",
        "rules.1.measure",
        "no measure",
        "",
    ),
    "rule in another unit": (
        "rules/air-quality.yaml",
        "unit: ug/m3",
        'unit: "%"',
        "rules.1.unit",
        "it is 'ug/m3'",
        "limits",
    ),
    "rule without a kind": (
        "rules/air-quality.yaml",
        "kind: indicator-threshold",
        "kind: guess",
        "rules.0",
        "kind",
        "choose",
    ),
    "rule twice": (
        "rules/public-investment.yaml",
        "code: disbursement-behind-target",
        "code: vn-aqi-above-150",
        ".code",
        "already",
        "",
    ),
    "rule without target": (
        "rules/public-investment.yaml",
        "indicator: KH-655/disbursed_share",
        "indicator: VN-AQI/vn_aqi_hourly",
        ".indicator",
        "no target",
        "awaited",
    ),
    "field of no message": (
        "rules/air-quality.yaml",
        "tại {place}",
        "tại {station}",
        "rules.0",
        "station",
        "contradicts",
    ),
    "split by nothing": (
        "indicators/kh-655.yaml",
        "    dimension: OWNER\n",
        "",
        "indicators.0",
        "names its dimension",
        "",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "field", "message", "remedy"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_remedy(
    spoil: Spoil, problems: Problems, copy: Path, file: str, old: str, new: str, field: str, message: str, remedy: str
) -> None:
    spoil(file, old, new)

    told = [
        one
        for one in problems()
        if one.file == file and field in one.field and message in one.message and remedy in one.remedy
    ]

    assert len(told) == 1, "\n".join(map(str, problems()))
    lines = len((copy / file).read_text(encoding="utf-8").splitlines())
    assert 1 <= told[0].line <= lines
    assert told[0].remedy


def test_the_line_is_that_of_the_mistake(spoil: Spoil, problems: Problems, copy: Path) -> None:
    spoil("sources.yaml", "lead: [SO-YTE]", "lead: [SO-YT]")
    lines = (copy / "sources.yaml").read_text(encoding="utf-8").splitlines()

    (problem,) = problems()

    assert lines[problem.line - 1] == "    lead: [SO-YT]"
    assert str(problem) == f"sources.yaml:{problem.line}: sources.4.lead.0: no agency 'SO-YT'; did you mean SO-YTE?"


def test_comments_in_a_csv_file_count_as_lines(spoil: Spoil, problems: Problems, copy: Path) -> None:
    spoil("areas/2025.csv", ",15.54,", ",much,")
    lines = (copy / "areas/2025.csv").read_text(encoding="utf-8").splitlines()

    (problem,) = problems()

    assert lines[problem.line - 1].startswith("16681,")


def test_all_mistakes_are_told_at_once(spoil: Spoil, problems: Problems) -> None:
    spoil("sources.yaml", "lead: [SO-YTE]", "lead: [SO-YT]")
    spoil("sources.yaml", "lead: [SO-XD]", "lead: [SO-XDD]")
    spoil("targets.yaml", 'unit: "%"', "unit: percent")
    spoil(AIR, "PT72H", "72h")

    assert [one.file for one in problems() if "unit" not in one.field] == [AIR, "sources.yaml", "sources.yaml"]
    assert "targets.yaml" in {one.file for one in problems()}


def test_a_file_that_is_wrong_does_not_make_the_others_wrong(spoil: Spoil, problems: Problems) -> None:
    spoil("agencies.yaml", "agencies:", "agencys:")

    assert {one.file for one in problems()} == {"agencies.yaml"}


def test_a_missing_file_is_named(copy: Path, problems: Problems) -> None:
    (copy / "units.yaml").unlink()

    assert [(one.file, one.message) for one in problems()] == [("units.yaml", "the file is missing")]


def test_an_empty_folder_is_named(copy: Path, problems: Problems) -> None:
    for file in (copy / "rules").iterdir():
        file.unlink()

    assert [(one.file, one.message) for one in problems()] == [("rules", "no *.yaml file in the folder")]


def test_text_that_is_not_utf_8_is_named(copy: Path, problems: Problems) -> None:
    (copy / "units.yaml").write_bytes("units: [{code: Độ}]".encode("cp1258", errors="replace"))

    (problem,) = problems()

    assert "not UTF-8" in problem.message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="is not a folder"):
        load(tmp_path / "nowhere")
