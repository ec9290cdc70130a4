"""`stabcheck compare OLD.json NEW.json`: what got better and worse."""

from __future__ import annotations

import click

from stabcheck.cli.commands import DeclaredOption, SectionedCommand, declared, usual, verbosity


@click.command("compare", cls=SectionedCommand)
@click.argument("old", metavar="OLD.json")
@click.argument("new", metavar="NEW.json")
@click.option(
    "--fail-on",
    metavar="WHAT",
    cls=DeclaredOption,
    section="What fails",
    help="Exit 1 on: new (findings), worse (those, and lower grades, larger ratios) or any (change).",
)
@declared(["color"])
@usual
@click.pass_context
def compare(ctx: click.Context, /, old: str, new: str, fail_on: str | None, **_: object) -> int:
    """Show what got better and worse.

    OLD and NEW are reports written with --output-format json. With -v also what stayed as it was.
    """
    talk = verbosity(ctx)

    from stabcheck.cli.output import stdout_console
    from stabcheck.errors import unknown
    from stabcheck.reports.compare import FAIL_ON, show
    from stabcheck.reports.compare import compare as compared
    from stabcheck.reports.json import load

    if fail_on is not None and fail_on not in FAIL_ON:
        raise unknown("--fail-on", fail_on, FAIL_ON)
    comparison = compared(load(old), load(new))
    show(comparison, stdout_console(ctx), everything=talk > 0)
    return 1 if comparison.fails(fail_on) else 0
