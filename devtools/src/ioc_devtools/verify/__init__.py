"""`ioc verify`: asks a running platform to prove what it promises."""

from ioc_devtools.verify.checks import check_all
from ioc_devtools.verify.table import show

__all__ = ["check_all", "show"]
