"""Cause, line and fix for the findings of a report: what the doors call between the run and its readers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stabcheck.engine.plan import Group, Planned, plan
from stabcheck.engine.request import Task
from stabcheck.errors import StabcheckError
from stabcheck.explain.cause import diagnose
from stabcheck.explain.fixes import Check, propose
from stabcheck.explain.proof import options_of
from stabcheck.explain.trace.run import Call
from stabcheck.findings import Cell, Finding, Report, Where
from stabcheck.oracle.ladder import Oracle
from stabcheck.targets.guard import contained
from stabcheck.targets.naming import relative
from stabcheck.targets.prepare import prepare
from stabcheck.targets.runner import LocalRunner

Wanted = Callable[[Finding], bool]

#: Findings that are not about a number, or that no trace of one call can show.
_UNEXPLAINED = ("SC402", "SC405", "SC406", "SC407", "SC902", "SC903")
#: A target that hung or died once is not called again outside of a process of its own.
_RASH = ("SC406", "SC407")


def asked(finding: Finding) -> bool:
    """The default: what counts against the run."""
    return finding.asked


def annotated(
    report: Report,
    tasks: Sequence[Task],
    *,
    wanted: Wanted = asked,
    check: Check | None = None,
    root: Path | None = None,
) -> Report:
    """The report with `cause`, `where` and `fix` filled in for the wanted findings of local targets.

    The targets are called again in this process, on the minimal inputs only. `check` grades the proposed
    fixes (None: they stay ungraded). Nothing that goes wrong here takes the report with it.
    """
    root = Path.cwd() if root is None else root
    explained: dict[str, Finding] = {}
    for planned, group, findings in to_explain(report, tasks, wanted):
        with contextlib.suppress(Exception):  # a finding without a cause is still a finding
            explained.update(_explained(findings, planned, group, check, root))
    return merged(report, explained)


def to_explain(
    report: Report, tasks: Sequence[Task], wanted: Wanted
) -> Iterator[tuple[Planned, Group, list[Finding]]]:
    """The cells of local targets with the wanted findings that a trace can say something about.

    Left out: targets that asked for a process of their own, those that hung or died, and gradients that a
    framework made.
    """
    cells = {cell.key: cell for cell in report.cells if any(map(wanted, cell.findings))}
    if not cells:
        return
    try:
        groups = plan(tasks).groups
    except Exception:  # the target's file may have changed meanwhile
        return
    for group in groups:
        for planned in group.cells:
            cell = cells.get(planned.key)
            if cell is None or planned.forward is not None or planned.task.request.isolate:
                continue
            if any(finding.code in _RASH for finding in cell.findings):
                continue
            findings = [f for f in cell.findings if wanted(f) and f.code not in _UNEXPLAINED]
            if findings:
                yield planned, group, findings


def merged(report: Report, explained: Mapping[str, Finding]) -> Report:
    """The report with these findings (by id) in the place of its own."""
    return replace(report, cells=tuple(_with(cell, explained) for cell in report.cells))


def _with(cell: Cell, explained: Mapping[str, Finding]) -> Cell:
    return replace(cell, findings=tuple(explained.get(f.id, f) for f in cell.findings))


def _explained(
    findings: Sequence[Finding], planned: Planned, group: Group, check: Check | None, root: Path
) -> dict[str, Finding]:
    runner = local_runner(planned, group)
    if runner is None:
        return {}
    explained = {}
    for finding in findings:
        with contextlib.suppress(Exception):
            explained[finding.id] = explain(finding, runner, check, root)
    return explained


def local_runner(planned: Planned, group: Group) -> LocalRunner | None:
    """The target of a cell, ready to be called in this process; None where it cannot be."""
    request = planned.task.request
    oracle = Oracle(group.op, group.format, group.options)
    try:
        runner = prepare(
            planned.found,
            group.op,
            group.format,
            group.options,
            reference=oracle.rounded,
            arguments=request.arguments,
            kwargs=request.kwargs,
            rows=request.rows,
            backend=request.backend,
            device=request.device,
        )
    except StabcheckError:
        return None
    return runner if isinstance(runner, LocalRunner) else None


def explain(finding: Finding, runner: LocalRunner, check: Check | None, root: Path) -> Finding:
    """The finding with its cause, the guilty line (relative to `root`) and the fix."""
    inputs = finding.minimal.inputs
    with contained():  # the target's output, warnings and random state
        diagnosis = diagnose(runner.function, inputs, finding.op, runner.format, finding, caller(runner))
    cause, where, fix = diagnosis.cause, diagnosis.where, None
    if where is not None:
        where = Where(relative(Path(where.file), root), where.line, where.operation)
    if cause is not None and cause.kind != "unknown":
        fix = propose(
            finding.op,
            cause.kind,
            finding.dtype,
            finding.onset,
            check,
            None if finding.argument else inputs,
            line="" if where is None else where.operation,
            options=options_of(finding),
        )
    elif where is None:  # nothing was found, and what the trace says of itself helps nobody
        cause = None
    return replace(finding, cause=cause, where=where, fix=fix)


def caller(runner: LocalRunner) -> Call:
    """Calls the runner's target in the form that the probe found, on the arguments of one example
    or of rows in company."""

    def call(arguments: Mapping[str, Any]) -> Any:
        with runner.backend.session(runner.format, runner.function):
            if runner.form.style == "batch":
                arrays = _arrays(arguments)
                if not runner.op.is_batch(arrays):
                    arrays = {name: values[None] for name, values in arrays.items()}
                return _once(runner, runner._placed(arrays))
            if runner.form.style == "rows":
                return _once(runner, _arrays(arguments))
            shape = np.broadcast_shapes(*(np.shape(v) for v in arguments.values()))
            wide = {name: np.broadcast_to(v, shape) for name, v in arguments.items()}
            return [_once(runner, {n: v[(*i, ...)] for n, v in wide.items()}) for i in np.ndindex(shape)]

    return call


def _arrays(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """NumPy's scalars as arrays; arrays of any kind (JAX hands its tracers through here) as they are."""
    return {
        name: np.asarray(v) if isinstance(v, (np.generic, int, float)) else v for name, v in arguments.items()
    }


def _once(runner: LocalRunner, part: Mapping[str, Any]) -> Any:
    return runner.invoke({name: runner.backend.load(values) for name, values in part.items()})
