"""`stabcheck replay [ID]`: run stored findings again, or write one down for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stabcheck.cli.commands import DeclaredOption, SectionedCommand, configuration, stdout, usual, verbosity

if TYPE_CHECKING:
    from stabcheck.config.file import Config
    from stabcheck.engine.request import Task
    from stabcheck.findings import Finding

_EXAMPLES = """\b
Examples:
  stabcheck replay                                  all that are stored
  stabcheck replay 3f1c                             one, by the beginning of its id
  stabcheck replay 3f1c --as pytest > test_it.py    a test that needs NumPy and mpmath only
  stabcheck replay 3f1c --as issue                  a report for the maintainer, in Markdown"""


@click.command("replay", cls=SectionedCommand, epilog=_EXAMPLES)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--as",
    "form",
    type=click.Choice(["pytest", "issue"]),
    cls=DeclaredOption,
    section="Output",
    help="Print one finding as a test without stabcheck, or as a report in Markdown.",
)
@usual
@click.pass_context
def replay(ctx: click.Context, /, ids: tuple[str, ...], form: str | None, **_: object) -> int:
    """Run stored findings again.

    ID is the id of a finding, or its beginning; without one, all that are stored. Prints FIXED, FAILED or
    ERROR for each; exit 1 if any failed, 2 if any could not be run. With --as nothing is judged.
    """
    verbosity(ctx)
    config = configuration(ctx)

    from stabcheck.errors import StabcheckError, UsageError
    from stabcheck.explain import store
    from stabcheck.explain.replay import Outcome, Replay
    from stabcheck.explain.replay import replay as replayed

    own = stdout(ctx)
    own.keep()
    root = config.root or Path.cwd()
    findings = [store.load(id, root) for id in ids or store.ids(root)]
    if not findings:
        raise UsageError(f"no findings are stored in {store.FOLDER}; `stabcheck run TARGET` stores them.")
    if form is not None:
        if len(findings) > 1:
            raise UsageError(f"--as {form} writes one finding; name it: {', '.join(f.id for f in findings)}.")
        click.echo(_written(findings[0], form, _task(findings[0], config, root)), own.stream, nl=False)
        return 0
    outcomes = set()
    for finding in findings:
        try:
            result = replayed(finding, _task(finding, config, root))
        except StabcheckError as error:
            result = Replay(Outcome.ERROR, why=str(error))
        outcomes.add(result.outcome)
        subject = f"{finding.op}[{finding.target}-{finding.dtype}]"
        why = f": {result.why}" if result.why else ""
        line = f"{result.outcome:<6} {finding.id} {finding.code} {finding.name} {subject}{why}"
        click.echo(line, own.stream)
    return 2 if Outcome.ERROR in outcomes else 1 if Outcome.FAILED in outcomes else 0


def _written(finding: Finding, form: str, task: Task) -> str:
    from stabcheck.explain.as_issue import as_issue
    from stabcheck.explain.as_pytest import as_pytest
    from stabcheck.explain.replay import manner

    call_form, backend = manner(finding, task)
    if form == "pytest":
        return as_pytest(finding, call_form, backend)
    return as_issue(finding, call_form, backend=backend)


def _task(finding: Finding, config: Config, root: Path) -> Task:
    """The task that found it: a finding's file is named relative to the project, wherever we are."""
    from stabcheck.config.resolve import named_tasks

    options = dict(pair.split("=", 1) for pair in finding.options.split(",") if pair)
    settings = {"op": (finding.op,), "dtype": (finding.dtype,), "option": options}
    configured = any(finding.target in (table.name, table.target) for table in config.targets)
    file = finding.target.rpartition(":")[0]
    place = f"{root}/" if file.endswith(".py") and not configured else ""
    (task,) = named_tasks([place + finding.target], settings, config)
    return task
