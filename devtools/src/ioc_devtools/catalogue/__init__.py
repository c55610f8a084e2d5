"""The province as data: `load(path)` reads the `catalog/` folder, checks all of it, and gives frozen models.

    catalogue = load(Path("catalog"))
    catalogue.sources, catalogue.contracts, catalogue.area("16681")

A catalogue with mistakes raises `CatalogueError`; its `problems` name file, line, field and remedy, all at once.
"""

from ioc_devtools.catalogue.catalogue import Catalogue
from ioc_devtools.catalogue.load import load
from ioc_devtools.catalogue.problem import CatalogueError, Problem

__all__ = ["Catalogue", "CatalogueError", "Problem", "load"]
