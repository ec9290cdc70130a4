"""Running a plan: groups one after the other (or side by side), events out, a report at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from stabcheck.engine.events import CellFinished, CellKey, Event, Finished, Started
from stabcheck.engine.plan import Plan, describe, plan
from stabcheck.engine.pool import run_side_by_side, worker_count
from stabcheck.engine.request import Request, Task
from stabcheck.engine.single import run_group
from stabcheck.findings import Cell, Level, Report


def run(
    tasks: Sequence[Task],
    *,
    workers: int | str = 1,
    contained: bool = False,
    level: Level | None = None,
    seed: int | None = None,
) -> Iterator[Event]:
    """Check every task; the last event is `Finished`, also when interrupted by Ctrl-C.

    `workers` is a number of processes or "auto"; the report does not depend on it. With `contained` the
    targets run in worker processes in any case, so that a crash or a hang is a finding. `level` and `seed`
    are for the report's header (default: those of the first task).
    """
    first = tasks[0].request if tasks else None
    level = level if level is not None else (first.level if first else Level.STABLE)
    seed = seed if seed is not None else (first.seed if first else 0)
    count = worker_count(workers)
    limits = [task.request.max_time for task in tasks if task.request.max_time is not None]
    planned = plan(tasks).within(min(limits, default=None), count)
    meta = {**describe(level, seed), **_effort(tasks)}
    yield Started(planned.order, planned.examples, meta)
    began = time.monotonic()
    cells: dict[CellKey, Cell] = {}
    interrupted = False
    try:
        for event in _events(planned, count, contained):
            if isinstance(event, CellFinished):
                cells[event.cell.key] = event.cell
            yield event
    except KeyboardInterrupt:
        interrupted = True
    yield Finished(
        Report(
            cells=tuple(cells[key] for key in planned.order if key in cells),
            meta=meta,
            level=level,
            seed=seed,
            elapsed=time.monotonic() - began,
            interrupted=interrupted,
        )
    )


def _events(planned: Plan, workers: int, contained: bool) -> Iterator[Event]:
    if contained or workers > 1:
        yield from run_side_by_side(planned.groups, workers)
        return
    for group in planned.groups:
        yield from run_group(group)


def _effort(tasks: Sequence[Task]) -> dict[str, Any]:
    """The options that a command needs to reproduce the run, where all tasks agree on them and they are not
    the default."""
    asked: dict[str, Any] = {}
    for name in ("max_examples", "max_classes", "specials", "range", "regimes", "arguments", "gate_factor"):
        values = {getattr(task.request, name) for task in tasks}
        if len(values) == 1 and (value := values.pop()) != getattr(Request, name):
            joined = ",".join(map(str, value)) if isinstance(value, tuple) else value
            asked[name.replace("_", "-")] = joined
    return asked
