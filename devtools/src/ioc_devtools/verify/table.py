"""Shows what was found: a table on a terminal, a line a check in a pipe."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show(found: dict[str, Any]) -> None:
    """Prints the checks and whether all hold."""
    console = Console()
    if not console.is_terminal:
        for check in found["checks"]:
            print("ok" if check["ok"] else "OFF", check["name"], check["detail"], sep="\t")
        return
    table = Table(caption="everything holds" if found["ok"] else "something is off")
    for heading in ("check", "", "found"):
        table.add_column(heading)
    for check in found["checks"]:
        mark = "[green]ok[/green]" if check["ok"] else "[bold red]OFF[/bold red]"
        table.add_row(check["name"], mark, check["detail"])
    console.print(table)
