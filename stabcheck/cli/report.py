"""`stabcheck report FILE.json --to FORMAT`: convert a JSON report."""

from __future__ import annotations

from typing import Any

import click

from stabcheck.cli.commands import SectionedCommand, declared, usual, verbosity
from stabcheck.config.options import OPTIONS


@click.command("report", cls=SectionedCommand)
@click.argument("file", metavar="FILE.json")
@click.option("--to", "form", metavar="FORMAT", default="table", help=OPTIONS["output-format"].help)
@declared(["output-file", "color"])
@usual
@click.pass_context
def report(ctx: click.Context, /, file: str, form: str, output_file: str | None, **_: Any) -> None:
    """Convert a JSON report to another format. The exit code says only whether that worked."""
    talk = verbosity(ctx)

    from stabcheck import reports
    from stabcheck.cli.output import stdout_console
    from stabcheck.reports.json import load
    from stabcheck.reports.terminal import TerminalReporter

    loaded = load(file)
    if output_file is not None:
        reports.write(loaded, form, output_file)
    elif form == "table":
        console = stdout_console(ctx)
        TerminalReporter(console, console, talk, progress=False).show(loaded)
    else:
        reports.emit(loaded, form)
