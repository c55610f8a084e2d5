"""Reading the folder: every file by its model, then what the files say about each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ioc_devtools.catalogue import area as areas
from ioc_devtools.catalogue.agency import AgencyFile
from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.contract import Contract
from ioc_devtools.catalogue.document import Document, read_rows, read_yaml
from ioc_devtools.catalogue.drafts import Draft, Part
from ioc_devtools.catalogue.indicator import IndicatorSet
from ioc_devtools.catalogue.instrument import InstrumentFile, UnitFile
from ioc_devtools.catalogue.plan import Plan
from ioc_devtools.catalogue.problem import CatalogueError, Problem
from ioc_devtools.catalogue.references import check
from ioc_devtools.catalogue.rule import RuleFile
from ioc_devtools.catalogue.source import SourceFile
from ioc_devtools.catalogue.target import TargetFile
from ioc_devtools.catalogue.tenant import TenantFile

M = TypeVar("M", bound=BaseModel)


def load(path: Path | str) -> Catalogue:
    """The catalogue in the folder `path`. Raises `CatalogueError` with every mistake found, not only the first."""
    root = Path(path)
    if not root.is_dir():
        raise CatalogueError([Problem(str(path), 0, "", "is not a folder", "name the folder of the catalogue")])
    draft = _read(root)
    check(draft)
    problems = [problem for document in draft.documents for problem in document.problems]
    if problems:
        raise CatalogueError(problems)
    return draft.finished()


def _read(root: Path) -> Draft:
    province_file, province = read_rows(root, "areas/province.csv", areas.ProvinceRow)
    districts_file, districts = read_rows(root, "areas/2024.csv", areas.DistrictRow)
    communes_file, communes = read_rows(root, "areas/2025.csv", areas.CommuneRow)
    return Draft(
        province=Part(province_file, province),
        districts=Part(districts_file, districts),
        communes=Part(communes_file, communes),
        instruments=_one(root, "instruments.yaml", InstrumentFile),
        units=_one(root, "units.yaml", UnitFile),
        agencies=_one(root, "agencies.yaml", AgencyFile),
        tenants=_one(root, "tenants.yaml", TenantFile),
        sources=_one(root, "sources.yaml", SourceFile),
        plan=_one(root, "plan.yaml", Plan),
        contracts=_folder(root, "contracts", Contract),
        indicator_sets=_folder(root, "indicators", IndicatorSet),
        targets=_one(root, "targets.yaml", TargetFile),
        rules=_folder(root, "rules", RuleFile),
    )


def _one(root: Path, file: str, kind: type[M]) -> Part[M]:
    document = read_yaml(root, file)
    return Part(document, document.model(kind))


def _folder(root: Path, folder: str, kind: type[M]) -> tuple[Part[M], ...]:
    files: Iterable[Path] = sorted((root / folder).glob("*.yaml"))
    parts = tuple(_one(root, f"{folder}/{file.name}", kind) for file in files)
    if parts:
        return parts
    empty = Document(folder)
    empty.report((), "no *.yaml file in the folder", "restore the folder: the catalogue needs it")
    return (Part(empty, None),)
