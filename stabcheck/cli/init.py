"""`stabcheck init`: a commented [tool.stabcheck] to start from."""

from __future__ import annotations

from pathlib import Path

import click

from stabcheck.errors import UsageError


@click.command("init")
@click.option("--write", is_flag=True, help="Write it instead of printing it.")
def init(write: bool) -> None:
    """Print a commented configuration.

    With --write it is appended to ./pyproject.toml, or put into a new ./stabcheck.toml.
    """
    from stabcheck.config.template import TEMPLATE
    from stabcheck.files import write_text

    if not write:
        click.echo(TEMPLATE, nl=False)
        return
    path = _place()
    before = path.read_text(encoding="utf-8").rstrip() + "\n\n" if path.exists() else ""
    write_text(before + TEMPLATE, path)
    click.echo(f"wrote [tool.stabcheck] to {path}; next: name a target in it and run `stabcheck run`.")


def _place() -> Path:
    """./pyproject.toml where there is one, otherwise ./stabcheck.toml; UsageError if it is taken."""
    from stabcheck.config.locate import OWN_FILE, SHARED_FILE, find

    here = Path.cwd()
    taken = find(here)
    if taken is not None and taken.parent == here:
        raise UsageError(f"{taken.name} has a [tool.stabcheck] already; edit it, it is left as it is.")
    if (here / OWN_FILE).exists():
        raise UsageError(f"{OWN_FILE} exists already; it is left as it is.")
    return here / SHARED_FILE if (here / SHARED_FILE).exists() else here / OWN_FILE
