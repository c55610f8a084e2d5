"""Checks of what is concluded from data: indicators, targets, rules."""

from __future__ import annotations

from ioc_devtools.catalogue.document import Document
from ioc_devtools.catalogue.drafts import Draft
from ioc_devtools.catalogue.indicator import Indicator
from ioc_devtools.catalogue.references.register import Registers, known, unique
from ioc_devtools.catalogue.rule import ReadingThresholdRule


def check_indicators(draft: Draft, registers: Registers) -> None:
    """Notes what is wrong in indicator sets."""
    sets: dict[str, str] = {}
    for part in draft.indicator_sets:
        document, value = part.document, part.value
        if value is None:
            continue
        if value.set in sets:
            document.report(("set",), f"{sets[value.set]} has this code already", "give the set a code of its own")
        sets[value.set] = document.file
        known(document, ("instrument",), value.instrument, registers.instruments, "instrument", "instruments.yaml")
        unique(document, ((("indicators", i, "code"), one.code) for i, one in enumerate(value.indicators)), "indicator")
        for i, indicator in enumerate(value.indicators):
            _indicator(document, i, indicator, registers)


def _indicator(document: Document, index: int, indicator: Indicator, registers: Registers) -> None:
    at = ("indicators", index)
    registers.agency(document, (*at, "lead"), indicator.lead)
    registers.unit(document, (*at, "unit"), indicator.unit)
    registers.cite(document, (*at, "cite"), indicator.cite)
    for j, one in enumerate(indicator.inputs):
        registers.measure(document, (*at, "inputs", j), one.source, one.measure)
        contracts = [contract for contract in registers.contracts if contract.source == one.source]
        dimensions = {dimension.code for contract in contracts for dimension in contract.dimensions}
        if indicator.dimension and contracts:
            what = f"dimension of {one.source}"
            known(document, (*at, "dimension"), indicator.dimension, dimensions, what, "its contract")


def check_targets(draft: Draft, registers: Registers) -> None:
    """Notes what is wrong in targets: units, areas, two that hold at once."""
    document, value = draft.targets.document, draft.targets.value
    if not value:
        return
    unique(document, ((("targets", i, "code"), one.code) for i, one in enumerate(value.targets)), "target")
    for i, target in enumerate(value.targets):
        indicator = registers.indicator(document, ("targets", i, "indicator"), target.indicator)
        registers.area(document, ("targets", i, "area"), target.area)
        registers.unit(document, ("targets", i, "unit"), target.unit)
        registers.cite(document, ("targets", i, "cite"), target.cite)
        if target.awaited_from:
            registers.agency(document, ("targets", i, "awaited_from"), target.awaited_from)
        if indicator and indicator.unit != target.unit:
            message = f"the unit is {target.unit!r}, the indicator's is {indicator.unit!r}"
            document.report(("targets", i, "unit"), message, "write the target in the indicator's unit")
        for earlier in value.targets[:i]:
            if (earlier.indicator, earlier.area) == (target.indicator, target.area) and earlier.overlaps(target):
                message = f"holds on the same days as {earlier.code}"
                document.report(
                    ("targets", i, "valid_from"), message, f"end {earlier.code} with valid_to, or begin later"
                )


def check_rules(draft: Draft, registers: Registers) -> None:
    """Notes what is wrong in rules: what they look at, units, a target that is not there, a code twice."""
    targets = draft.targets.value
    with_target = {one.indicator for one in targets.targets} if targets else None
    rules: dict[str, str] = {}
    for part in draft.rules:
        document = part.document
        for i, rule in enumerate(part.value.rules if part.value else ()):
            if rule.code in rules:
                document.report(
                    ("rules", i, "code"), f"{rules[rule.code]} has this code already", "give it a code of its own"
                )
            rules[rule.code] = document.file
            registers.cite(document, ("rules", i, "cite"), rule.cite)
            if isinstance(rule, ReadingThresholdRule):
                _reading_rule(document, i, rule, registers)
                continue
            registers.indicator(document, ("rules", i, "indicator"), rule.indicator)
            if rule.kind == "behind-target" and with_target is not None and rule.indicator not in with_target:
                message = f"no target for {rule.indicator}"
                document.report(
                    ("rules", i, "indicator"), message, "enter one in targets.yaml, awaited if nobody has set it"
                )


def _reading_rule(document: Document, index: int, rule: ReadingThresholdRule, registers: Registers) -> None:
    registers.measure(document, ("rules", index), rule.source, rule.measure)
    registers.unit(document, ("rules", index, "unit"), rule.unit)
    for contract in registers.contracts:
        for measure in contract.measures:
            if (contract.source, measure.code) == (rule.source, rule.measure) and measure.unit != rule.unit:
                message = f"the unit is {rule.unit!r}, in {contract.tenant}/{contract.contract} it is {measure.unit!r}"
                document.report(("rules", index, "unit"), message, "write the limits in the contract's unit")
                return
