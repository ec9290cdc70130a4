"""`stabcheck list`: what there is."""

from __future__ import annotations

import click

from stabcheck.cli.commands import SectionedCommand, declared


@click.command("list", cls=SectionedCommand)
@click.argument("subjects", nargs=-1, metavar="[SUBJECT]...")
@declared(["color"])
@click.pass_context
def listing(ctx: click.Context, /, subjects: tuple[str, ...], **_: object) -> None:
    """Show what there is.

    SUBJECT is ops, implementations, regimes, formats or codes; without one all of them.
    """
    from stabcheck.cli.output import stdout_console
    from stabcheck.errors import unknown
    from stabcheck.reports.listing import SUBJECTS, show_subject

    for subject in subjects:
        if subject not in SUBJECTS:
            raise unknown("list", subject, SUBJECTS)
    for subject in subjects or SUBJECTS:
        show_subject(subject, stdout_console(ctx))
