"""A stored finding run again: FIXED, FAILED or ERROR."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from stabcheck.engine.events import Finished
from stabcheck.engine.plan import plan
from stabcheck.engine.request import Task
from stabcheck.engine.run import run
from stabcheck.errors import StabcheckError
from stabcheck.explain.annotate import local_runner
from stabcheck.explain.store import inputs
from stabcheck.findings import Finding

#: Findings that would take this process with them, or never end.
_FATAL = ("SC406", "SC407")


class Outcome(StrEnum):
    """What came of a replay."""

    FIXED = "FIXED"
    FAILED = "FAILED"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Replay:
    """`found` are the findings of that code seen now (empty when fixed); `why` tells about an error."""

    outcome: Outcome
    found: tuple[Finding, ...] = ()
    why: str = ""


def replay(finding: Finding, task: Task) -> Replay:
    """Judge the stored inputs of `finding` again with the target of `task`, and one drawn example.

    FAILED when the same code shows, FIXED when it does not; ERROR when nothing could be judged.
    """
    request = replace(
        task.request,
        dtypes=(finding.dtype,),
        examples=inputs([finding]),
        max_examples=1,
        isolate=task.request.isolate or finding.code in _FATAL,
    )
    try:
        events = list(run([replace(task, request=request)]))
    except StabcheckError as error:
        return Replay(Outcome.ERROR, why=str(error))
    last = events[-1]
    assert isinstance(last, Finished)
    if last.report.interrupted:
        raise KeyboardInterrupt
    if not last.report.judged_cells:
        return Replay(Outcome.ERROR, why="; ".join(cell.reason for cell in last.report.cells))
    shown = tuple(f for f in last.report.findings if f.code == finding.code)
    return Replay(Outcome.FAILED if shown else Outcome.FIXED, shown)


def manner(finding: Finding, task: Task) -> tuple[str, str]:
    """(call form of the target, library of the arrays it takes), as a probe finds them now: what a test
    needs that calls the target as it was called. ("", "numpy") where it cannot be called."""
    request = replace(task.request, dtypes=(finding.dtype,))
    group = plan([replace(task, request=request)]).groups[0]
    runner = local_runner(group.cells[0], group)
    return ("", "numpy") if runner is None else (runner.call_form, runner.backend.name)
