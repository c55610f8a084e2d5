"""What catalog/README.md tells people to write does load."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc_devtools.catalogue import load


def _example(readme: str, begins: str) -> str:
    lines = readme.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"    {begins}"))
    kept = []
    for line in lines[start:]:
        if not line.startswith("    "):
            break
        kept.append(line[4:])
    return "\n".join(kept)


@pytest.mark.parametrize(
    ("begins", "file"),
    [("- {code: fires", "indicators/kh-655.yaml"), ("- {code: humidity-low", "rules/air-quality.yaml")],
)
def test_an_example_of_the_readme_loads_in_under_ten_lines(copy: Path, begins: str, file: str) -> None:
    example = _example((copy / "README.md").read_text(encoding="utf-8"), begins)
    assert len(example.splitlines()) < 10
    indented = "\n".join(f"  {line}" for line in example.splitlines())
    with (copy / file).open("a", encoding="utf-8") as out:
        out.write(f"\n{indented}\n")

    catalogue = load(copy)

    codes = {one.code for group in catalogue.indicator_sets for one in group.indicators}
    assert {"fires", "humidity-low"} & (codes | {one.code for one in catalogue.rules})


def test_the_example_of_a_source_loads(copy: Path) -> None:
    example = _example((copy / "README.md").read_text(encoding="utf-8"), "contract: water-quality")
    assert len(example.splitlines()) < 10
    vinh = (copy / "contracts/air-quality.vinh.yaml").read_text(encoding="utf-8")
    kept = vinh[vinh.index("version: 1") : vinh.index("things:")].splitlines()
    rest = "\n".join(line for line in kept if not line.startswith(("tenant:", "source:")))
    (copy / "contracts/water-quality.vinh.yaml").write_text(f"{example}\n{rest}\n", encoding="utf-8")

    contract = load(copy).contract("vinh", "water-quality")

    assert [one.key for one in contract.series()] == ["monitoring-stations/water_ph/16690/wq-01"]
