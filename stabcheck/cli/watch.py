"""Run the engine, hand its events to the reports, and come back with a report even after Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from stabcheck.cli.interrupt import Interruption
from stabcheck.engine.events import Event, Finished
from stabcheck.engine.request import Task
from stabcheck.engine.run import run
from stabcheck.findings import Report

if TYPE_CHECKING:
    from collections.abc import Generator

    from stabcheck.cli.output import Output


def watch(
    tasks: Sequence[Task], workers: int, output: Output, complete: Callable[[Report], Report]
) -> Report:
    """The report of these tasks, completed before anybody sees it.

    Ctrl-C ends the run: the report then holds the cells that were done.
    """
    with output, Interruption() as interruption:
        last = _last(run(tasks, workers=workers, contained=True), output, interruption)
        if last is None:
            raise KeyboardInterrupt
        report = complete(last.report)
        output.consume(Finished(report))
    return report


def _last(events: Iterator[Event], output: Output, interruption: Interruption) -> Finished | None:
    """Pass the events on up to the last one, also after an interruption; None where even that fails."""
    try:
        for event in events:
            if isinstance(event, Finished):
                return event
            output.consume(event)
            interruption.check()
    except KeyboardInterrupt:
        return _wind_up(events)
    raise RuntimeError("the engine ended without a report")


def _wind_up(events: Iterator[Event]) -> Finished | None:
    """Tell the engine of an interruption that reached us instead (it is a generator); its last event."""
    generator = cast("Generator[Event, None, None]", events)
    try:
        event = generator.throw(KeyboardInterrupt)
        while not isinstance(event, Finished):
            event = next(generator)
    except (KeyboardInterrupt, StopIteration):
        return None
    return event


def processes(asked: int | str) -> int:
    """How many processes: a number as it is, for "auto" the cores that this process may use."""
    if asked != "auto":
        return int(asked)
    affinity = getattr(os, "sched_getaffinity", None)  # not on every platform
    return len(affinity(0)) if affinity else os.cpu_count() or 1
