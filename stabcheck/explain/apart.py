"""Explaining in a worker process, so that nothing a target does can take the report with it.

One worker explains cell after cell. When it dies, or takes longer than its findings may cost, it is
killed, that cell stays unexplained, and another worker goes on with the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stabcheck.engine import forks
from stabcheck.engine.events import CellKey, Event, Shrinking
from stabcheck.engine.pool import dismiss
from stabcheck.engine.request import Task
from stabcheck.explain.annotate import Wanted, annotated, merged, to_explain
from stabcheck.explain.grading import graded
from stabcheck.findings import Cell, Finding, Report
from stabcheck.targets.backends.choose import compiled
from stabcheck.targets.limits import limit_memory, silence

#: Seconds that a finding may cost.
_PER_FINDING = 2.0
#: Seconds for a cell on top of that: importing the target, and what only the first call does.
_PER_CELL = 6.0
#: The same where the target compiles: a framework is imported and every call is compiled.
_COMPILING = 30.0
#: Seconds for all of a report; what is not explained by then stays unexplained.
_PER_REPORT = 90.0
#: Workers that may be lost before the rest is left alone.
_LOSSES = 3
#: Seconds after which somebody who waits is told what is going on.
_SILENT = 2.0


@dataclass(frozen=True)
class _Job:
    """One cell as data that another process can rebuild."""

    key: CellKey
    task: Task
    cell: Cell
    wanted: frozenset[str]
    root: Path
    seconds: float


def annotated_apart(
    report: Report,
    tasks: Sequence[Task],
    *,
    wanted: Wanted,
    root: Path,
    tell: Callable[[Event], None] = lambda event: None,
) -> Report:
    """`annotated`, but the targets are called in another process. `tell` hears what is at work when it
    takes long. Ctrl-C ends the explaining: the report then says that it was interrupted."""
    explained: dict[str, Finding] = {}
    try:
        _explain_all(_jobs(report, tasks, wanted, root), explained, tell)
    except KeyboardInterrupt:
        report = replace(report, interrupted=True)
    except Exception:  # no process can be had, or a mistake of ours: the findings stand without a cause
        return merged(report, explained)
    return merged(report, explained)


def _jobs(report: Report, tasks: Sequence[Task], wanted: Wanted, root: Path) -> deque[_Job]:
    cells = {cell.key: cell for cell in report.cells}
    jobs: deque[_Job] = deque()
    for planned, group, findings in to_explain(report, tasks, wanted):
        if not planned.found.spec:
            continue
        request = replace(planned.task.request, dtypes=(group.format.name,), examples=())
        task = replace(planned.task, target=planned.found.spec, request=request, name=planned.key[0])
        base = _COMPILING if compiled(planned.found.function) else _PER_CELL
        job = _Job(
            planned.key,
            task,
            replace(cells[planned.key], profile=()),
            frozenset(finding.id for finding in findings),
            root,
            base + _PER_FINDING * len(findings),
        )
        if _travels(job):
            jobs.append(job)
    return jobs


def _travels(job: _Job) -> bool:
    """Whether the job can be sent: a target's own arguments may be anything."""
    try:
        pickle.dumps(job)
    except Exception:
        return False
    return True


def _explain_all(jobs: deque[_Job], explained: dict[str, Finding], tell: Callable[[Event], None]) -> None:
    began = time.monotonic()
    losses = 0
    while jobs and losses < _LOSSES and time.monotonic() - began < _PER_REPORT:
        pool = _pool(max(job.task.request.memory_limit for job in jobs))
        try:
            while jobs:
                job = jobs.popleft()
                if time.monotonic() - began > _SILENT:
                    tell(Shrinking(job.key, next(f.code for f in job.cell.findings if f.id in job.wanted)))
                left = _PER_REPORT - (time.monotonic() - began)
                explained.update(pool.submit(_work, job).result(timeout=max(0.0, min(job.seconds, left))))
        except (TimeoutError, BrokenProcessPool):
            losses += 1
        finally:
            dismiss(pool)


def _pool(memory: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin, initargs=(memory,))


def _begin(memory: int) -> None:
    """In the worker: Ctrl-C is the parent's business, memory is bounded, what a target forks ends at once."""
    forks.leave_ctrl_c_to_the_parent()
    limit_memory(memory)
    silence()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=partial(os._exit, 0))


def _work(job: _Job) -> dict[str, Finding]:
    """In the worker: one cell. Whatever goes wrong, the cell stays unexplained."""
    try:
        report = annotated(
            Report(cells=(job.cell,)),
            [job.task],
            wanted=lambda finding: finding.id in job.wanted,
            check=graded,
            root=job.root,
        )
    except BaseException:  # a target may raise SystemExit
        return {}
    return {f.id: f for f in report.findings if f.id in job.wanted}
