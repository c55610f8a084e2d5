"""The `ioc` command."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn, TypeVar

import typer

from ioc_devtools.platform.state import CannotRun, StateFolder

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The platform on this machine: start it, look at it, feed it, verify it.",
)
catalog = typer.Typer(no_args_is_help=True, help="The province as data (catalog/).")
app.add_typer(catalog, name="catalog")
T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]


@app.command()
def up(
    simulate: Annotated[bool, typer.Option(help="Also run the simulated outside world.")] = True,
) -> None:
    """Starts everything and stays until Ctrl-C."""
    from ioc_devtools.up import run_until_stopped

    _run(lambda: asyncio.run(run_until_stopped(StateFolder.default(), simulate=simulate)))


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Empties the platform's data folder."""
    state = StateFolder.default()
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete everything in {state.path}?", abort=True)
    _run(state.reset)
    typer.echo(f"{state.path} is empty")


@app.command()
def status(json_: Json = False) -> None:
    """Shows the parts: ready or not, address, process, memory, age of the newest data."""
    from ioc_devtools.status import look, show

    found = _run(lambda: asyncio.run(look(StateFolder.default())))
    typer.echo(json.dumps(found, ensure_ascii=False)) if json_ else show(found)
    raise typer.Exit(0 if found["ready"] else 1)


@app.command()
def token(login: Annotated[str, typer.Option("--as", help="A log-in or service account, e.g. truc.ban.")]) -> None:
    """Prints an access token and nothing else."""
    from ioc_devtools.platform.tokens import Tokens

    state = StateFolder.default()
    typer.echo(_run(lambda: asyncio.run(Tokens(state.run().issuer, state).of(login))))


@app.command()
def simulate(
    once: Annotated[bool, typer.Option(help="Deliver the backfill and one round of everything, then end.")] = False,
) -> None:
    """The outside world: stations, an agency, sensors, two centres; through the public doors only."""
    from ioc_devtools.simulate import run_world

    _run(lambda: asyncio.run(run_world(StateFolder.default(), once=once)))


@app.command()
def verify(json_: Json = False) -> None:
    """Checks what the platform promises: books, dead letters, alerts, proofs. Status 1 when anything is off."""
    from ioc_devtools.verify import check_all, show

    found = _run(lambda: asyncio.run(check_all(StateFolder.default())))
    typer.echo(json.dumps(found, ensure_ascii=False)) if json_ else show(found)
    raise typer.Exit(0 if found["ok"] else 1)


@catalog.command("check")
def catalog_check() -> None:
    """Reads the catalogue and names every mistake with file, line, field and remedy."""
    from ioc_devtools.catalogue import load
    from ioc_devtools.platform.services import ROOT

    catalogue = _run(lambda: load(ROOT / "catalog"))
    typer.echo(f"{len(catalogue.sources)} sources, {len(catalogue.contracts)} contracts: no mistakes")


@catalog.command("apply")
def catalog_apply(dry_run: Annotated[bool, typer.Option(help="Only say what would change.")] = False) -> None:
    """Brings the running platform to the catalogue; a second run changes nothing."""
    from ioc_devtools.platform.supervisor import apply_catalogue

    state = StateFolder.default()
    run = _run(state.run)
    summary = _run(lambda: asyncio.run(apply_catalogue(run.addresses, run.issuer, state, dry_run=dry_run)))
    for line in summary.changed:
        typer.echo(line)
    typer.echo(str(summary))


def _run(work: Callable[[], T]) -> T:
    from ioc_devtools.catalogue import CatalogueError
    from ioc_kit.errors import IocError

    try:
        return work()
    except (CannotRun, CatalogueError, IocError) as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refuse(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
