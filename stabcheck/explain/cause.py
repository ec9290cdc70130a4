"""From a trace and a finding to a verdict: which operation is guilty, and of what.

The culprit is the operation whose own error, put back alone into an exact run, spoils the result; not the
line where the damage shows. Overflow and underflow that start a chain come before what they lead to. Where
every local error is small, an operation downstream has amplified one: a subtraction that cancels, a
logarithm next to 1. Where even the exact run of the user's formula misses the truth, the formula itself
(a clip, an epsilon, a threshold, 0 * inf) is guilty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stabcheck.explain import formula, rounding
from stabcheck.explain.range_errors import birth
from stabcheck.explain.rerun import Rerun
from stabcheck.explain.trace import Trace, trace
from stabcheck.explain.trace.exact import context, ulps
from stabcheck.explain.trace.nodes import Node, Step
from stabcheck.explain.trace.places import Place
from stabcheck.explain.trace.records import label
from stabcheck.explain.trace.run import Call
from stabcheck.explain.verdict import Verdict, place_of_error
from stabcheck.findings import Cause, Finding, Where
from stabcheck.formats import FORMATS, Format
from stabcheck.targets.guard import describe

#: Seconds of the thread's own processor time for the reruns.
SECONDS = 0.4


@dataclass(frozen=True)
class Diagnosis:
    """The verdict on one finding: `cause` and `where` are None where nothing can be said."""

    cause: Cause | None
    where: Where | None
    trace: Trace


def diagnose(
    function: Callable[..., Any],
    inputs: Mapping[str, Any],
    op: str,
    fmt: Format,
    finding: Finding,
    call: Call,
) -> Diagnosis:
    """Trace `call(inputs)` and find the guilty line of `finding`.

    `inputs` are arrays in the format (class indices: integers); `call` runs the target on arguments of
    these names in the target's own form and returns its raw result; `function` is the target itself (its
    file and its modules). Never raises: a failure of the tracer's own is a verdict "unknown".
    """
    traced = Trace()
    try:
        traced = trace(function, inputs, fmt, call)
        verdict = _verdict(traced, fmt, finding, lambda: _one_format_up(inputs, fmt, finding, call))
    except Exception as error:
        verdict = Verdict("unknown", f"the trace failed: {describe(error)}", Place())
    if verdict is None:
        return Diagnosis(None, None, traced)
    place = verdict.place
    where = Where(place.file, place.line, place.source or verdict.operation) if place.line else None
    return Diagnosis(Cause(verdict.kind, verdict.text), where, traced)


def _verdict(
    traced: Trace, fmt: Format, finding: Finding, wider_is_fine: Callable[[], bool]
) -> Verdict | None:
    if finding.code == "SC401" and traced.raised is not None:
        return place_of_error(traced.raised)
    if not traced.faithful or traced.tape is None:
        return Verdict("unknown", "; ".join(traced.notes) or "no trace", Place())
    if finding.code == "SC404":
        return _write(traced)
    if finding.code == "SC501":
        return _first_birth(traced.tape.steps, fmt)
    if finding.code == "SC403":
        return _narrowing(traced.tape.steps)
    if finding.code[:3] not in ("SC1", "SC2", "SC3"):
        return None
    end = output_node(traced, finding, fmt)
    if end is None:
        birth = _first_birth(traced.tape.steps, fmt)
        return birth or Verdict("unknown", "the result could not be followed back to the inputs", Place())
    mp = context(fmt)
    rerun = Rerun(mp, end, fmt, time.thread_time() + SECONDS)
    if finding.code == "SC105":
        return formula.hidden_nan(rerun, traced.tape)
    expected = finding.minimal.expected
    if expected is not None and not _agrees(rerun, mp.mpf(expected), finding.minimal.got):
        wanted = mp.mpf(expected)
        return formula.blame(rerun, traced.tape, wanted, lambda value: _is(rerun, value, wanted))
    return rounding.blame(rerun, wider_is_fine)


def output_node(traced: Trace, finding: Finding, fmt: Format) -> Node | None:
    """The node of the output element that shows the failure."""
    index, got = finding.minimal.index, finding.minimal.got

    def shows(node: Node) -> bool:
        if got is None or node.actual == got or (node.actual != node.actual and got != got):
            return True
        return float(fmt.widen(fmt.round_array(node.actual))) == got

    followed = [(shape, nodes) for shape, nodes in traced.outputs if nodes is not None]
    for shape, nodes in followed:
        place = _flat(index, shape)
        if place is not None and shows(nodes[place]):
            return nodes[place]
    return next((node for _, nodes in followed for node in nodes if shows(node)), None)


def _flat(index: tuple[int, ...], shape: tuple[int, ...]) -> int | None:
    """Position of the element; axes of length one that either side lacks are ignored."""
    long = [n for n in shape if n != 1]
    for axes, place in (
        (list(shape), list(index)),
        (long, [i for i in index if i or len(index) == len(long)]),
    ):
        if len(axes) == len(place) and all(0 <= i < n for i, n in zip(place, axes, strict=True)):
            flat = 0
            for i, n in zip(place, axes, strict=True):
                flat = flat * n + i
            return flat
    return 0 if not long and shape.count(0) == 0 else None


def _is(rerun: Rerun, value: Any, expected: Any) -> bool:
    return ulps(rerun.mp, value, expected, rerun.format) <= 2.0


def _agrees(rerun: Rerun, expected: Any, got: float | None) -> bool:
    """Whether the user's formula, without any rounding, gives the truth: within two ulps, or within an
    eighth of the error in question."""
    value = rerun.truth[rerun.end.serial]
    missed = ulps(rerun.mp, value, expected, rerun.format)
    if missed <= 2.0 or got is None:
        return missed <= 2.0
    total = ulps(rerun.mp, rerun.mp.mpf(got), expected, rerun.format)
    return missed <= total / 8 and missed != float("inf")


def _write(traced: Trace) -> Verdict | None:
    if traced.tape is None or not traced.tape.writes:
        return None
    place = traced.tape.writes[0]
    return Verdict("mutates", f"`{place.source}` writes into the caller's array", place)


def _first_birth(steps: list[Step], fmt: Format) -> Verdict | None:
    """The first operation that makes an infinity or a NaN out of ordinary numbers."""
    for step in steps:
        if label(step.nodes) == "born":
            node = next(n for n in step.nodes if label([n]) == "born")
            return birth(node, step.fmt or fmt)
    return None


def _narrowing(steps: list[Step]) -> Verdict | None:
    for step in steps:
        if step.kind == "cast" and step.fmt is not None:
            return Verdict("format-too-small", f"rounded to {step.fmt.name} here", step.place, step.operation)
    return None


_WIDER = {"float16": "float32", "bfloat16": "float32", "float32": "float64"}


def _one_format_up(inputs: Mapping[str, Any], fmt: Format, finding: Finding, call: Call) -> bool:
    """Whether the same code on the same numbers is right one format up."""
    import numpy as np

    expected, got = finding.minimal.expected, finding.minimal.got
    if fmt.name not in _WIDER or expected is None or got is None:
        return False
    wider = FORMATS[_WIDER[fmt.name]].dtype
    widened = {
        name: value.astype(wider) if getattr(value, "dtype", None) == fmt.dtype else value
        for name, value in inputs.items()
    }
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(call(widened), dtype=np.float64)
    except (Exception, SystemExit):
        return False
    place = _flat(finding.minimal.index, result.shape)
    if place is None:
        return False
    mp = context(fmt)
    value = mp.mpf(float(result.ravel()[place]))
    total = ulps(mp, mp.mpf(got), mp.mpf(expected), fmt)
    return ulps(mp, value, mp.mpf(expected), fmt) <= max(1.0, total / 16)
