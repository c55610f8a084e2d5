"""How every bench ends: a table for people, then one JSON line for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping


def show(bench: str, figures: Mapping[str, float], ceilings: Mapping[str, float], ratios: Mapping[str, float]) -> None:
    """Prints the three groups and, last, the JSON line."""
    for title, group in (("figures", figures), ("ceilings", ceilings), ("ratios", ratios)):
        for name, value in group.items():
            print(
                f"{title:<9} {name:<24} {value:>14,.3f}"
                if abs(value) < 10
                else f"{title:<9} {name:<24} {value:>14,.0f}"
            )

    def rounded(group: Mapping[str, float]) -> dict[str, float]:
        return {name: round(value, 4) for name, value in group.items()}

    document = {"bench": bench, "figures": rounded(figures), "ceilings": rounded(ceilings), "ratios": rounded(ratios)}
    print(json.dumps(document), flush=True)
