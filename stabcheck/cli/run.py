"""`stabcheck run`: check the catalogue, the configured targets, or the targets named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stabcheck.cli.commands import SectionedCommand, configuration, declared, given, stdout, usual, verbosity
from stabcheck.config.file import Config
from stabcheck.config.options import OPTIONS

if TYPE_CHECKING:
    from stabcheck.engine.request import Task

_EXAMPLES = """\b
Examples:
  stabcheck run                                     the catalogue, or the targets of your configuration
  stabcheck run --op softmax --dtype float16        part of it
  stabcheck run mypkg.losses:softmax                op told by the function's name
  stabcheck run file.py:f --op logsumexp -n 5000
  stabcheck run file.py                             every function in it that is named after an op
  stabcheck run mypkg:f --op softmax --output-format json -o report.json

Every option is also a key of [tool.stabcheck] and a variable STABCHECK_... ; a flag on the command line
wins over the environment, that over the file."""


@click.command("run", cls=SectionedCommand, epilog=_EXAMPLES)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@declared(OPTIONS)
@usual
@click.pass_context
def run(ctx: click.Context, /, targets: tuple[str, ...], **_: Any) -> int:
    """Check numerical stability.

    TARGET is package.module:function, file.py:function, or file.py. Without one: the targets of the
    configuration, or else the catalogue of reference implementations, which has to behave as declared.
    """
    talk = verbosity(ctx)
    config = configuration(ctx)
    settings = given(ctx)
    values = {**config.values, **settings}
    own = stdout(ctx)
    if "output-file" in values and own.is_named_by(Path(values["output-file"])):
        del values["output-file"]
    own.keep()  # before any process or module of others is there

    from stabcheck.engine import forks

    forks.begin()  # its imports run beside ours

    from stabcheck.cli import outcome
    from stabcheck.cli.closing import Closing
    from stabcheck.cli.output import Output
    from stabcheck.cli.watch import processes, watch
    from stabcheck.config import known

    output = Output.make(values, talk, own)
    gate = known.gate(settings, config)
    catalogue = not targets and not config.targets
    tasks, replayed = _tasks(targets, settings, config), frozenset[str]()
    root = config.root or Path.cwd()
    if gate is not None:
        tasks, replayed = known.replaying(tasks, gate, root)
    planted = catalogue and outcome.planted_must_show(tasks)
    closing = Closing(
        tasks,
        planted,
        gate,
        replayed,
        storage=None if catalogue else root,
        root=root,
        everything=talk > 0,
        tell=output.consume,
    )
    report = watch(tasks, processes(values.get("workers", "auto")), output, closing)
    output.write(report)
    for line in outcome.remarks(report, config, catalogue):
        output.say(line)
    return outcome.code(report, closing.result, exit_zero=bool(values.get("exit-zero")))


def _tasks(targets: tuple[str, ...], settings: Mapping[str, Any], config: Config) -> list[Task]:
    from stabcheck.config import resolve

    if targets:
        return resolve.named_tasks(targets, settings, config)
    if config.targets:
        return resolve.configured_tasks(settings, config)
    return resolve.catalogue_tasks({**config.values, **settings})
