"""Indicator sets and their indicators: a formula over named inputs, with citation and validity."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ioc_devtools.catalogue.entry import Citation, Code, Entry, Named, PeriodKind, ShareClass, Text, UnitCode, Validity

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# Names that are not inputs: what CEL itself gives, and calls (a name before a bracket).
_IDENTIFIER = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)(?!\w*\s*\()")
_CEL_WORDS = {"true", "false", "null", "in"}


class Formula(Entry):
    """Either a CEL expression, or the name and version of a formula that the kpi service has built in."""

    cel: Text | None = None
    builtin: Name | None = None
    version: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> Self:
        if (self.cel is None) == (self.builtin is None):
            raise ValueError("give either cel or builtin")
        return self

    def names(self) -> frozenset[str]:
        """The inputs that a CEL expression reads; nothing for a built-in formula."""
        return frozenset(_IDENTIFIER.findall(self.cel or "")) - _CEL_WORDS


class Input(Entry):
    """A named input: a measure brought to one number per period of the indicator, `periods` back, this one included."""

    name: Name
    source: Code
    measure: Code
    aggregate: Literal["mean", "sum", "min", "max", "last", "count"]
    periods: Annotated[int, Field(ge=1, le=366)] = 1
    required: bool = True


class Band(Named):
    """A band of values: up to and with `up_to`, in the colour and with the name that the instrument gives it."""

    up_to: float
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9A-F]{6}$")]
    advice_vi: Text | None = None
    advice_en: Text | None = None


class Indicator(Validity):
    """One indicator of a set.

    `subject` is what one value speaks of: an area, a thing in it, or each code of `dimension` in an area and the area's
    total. `level` is that of the areas that the figures are delivered for. `stale_after` is the age of the newest input
    (by its own time, for statistics the period's start) from which the number is grey; `minimum_completeness` the share
    of expected readings below which it is incomplete.
    """

    code: Name
    name_vi: Text
    name_en: Text
    formula: Formula
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]
    subject: Literal["area", "thing", "dimension"]
    dimension: Code | None = None
    unit: UnitCode
    decimals: Annotated[int, Field(ge=0, le=9)]
    direction: Literal["up-is-better", "down-is-better"]
    period: PeriodKind
    level: Literal["commune", "district", "province"]
    lead: Code
    share_class: ShareClass
    cite: Citation
    bands: tuple[Band, ...] = ()
    stale_after: timedelta
    minimum_completeness: Annotated[float, Field(gt=0, le=1)] = 0.75

    @model_validator(mode="after")
    def _a_split_names_its_dimension(self) -> Self:
        if (self.subject == "dimension") != (self.dimension is not None):
            raise ValueError("subject: dimension names its dimension, and no other subject does")
        return self

    @model_validator(mode="after")
    def _bands_rise(self) -> Self:
        limits = [band.up_to for band in self.bands]
        if limits != sorted(set(limits)):
            raise ValueError("the bands have to rise")
        return self

    @model_validator(mode="after")
    def _formula_reads_its_inputs(self) -> Self:
        names = [given.name for given in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("two inputs have the same name")
        if self.formula.cel and self.formula.names() != set(names):
            used = ", ".join(sorted(self.formula.names()))
            raise ValueError(f"the formula reads {used or 'nothing'}, the inputs are {', '.join(names)}")
        return self


class IndicatorSet(Validity):
    """A set with its instrument; `awaited` is an empty slot that the official annex fills, and nothing else does."""

    set: Code
    name_vi: Text
    name_en: Text
    instrument: Code
    state: Literal["filled", "awaited"]
    note: Text | None = None
    indicators: tuple[Indicator, ...]

    @model_validator(mode="after")
    def _an_awaited_set_is_empty(self) -> Self:
        if (self.state == "awaited") != (not self.indicators):
            raise ValueError("an awaited set is empty, and a filled one is not")
        return self
