"""What the files say about each other: every code that is named is there, and no two entries contradict."""

from ioc_devtools.catalogue.drafts import Draft
from ioc_devtools.catalogue.references.contracts import check_contracts
from ioc_devtools.catalogue.references.measurement import check_indicators, check_rules, check_targets
from ioc_devtools.catalogue.references.province import check_province
from ioc_devtools.catalogue.references.register import Registers

__all__ = ["check"]


def check(draft: Draft) -> None:
    """Notes every broken reference and contradiction in the document where it stands."""
    registers = Registers(draft)
    check_province(draft, registers)
    check_contracts(draft, registers)
    check_indicators(draft, registers)
    check_targets(draft, registers)
    check_rules(draft, registers)
