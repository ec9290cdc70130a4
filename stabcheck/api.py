"""The Python door: `check` and `assert_stable`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stabcheck.engine.events import Finished
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.errors import UnstableError, UsageError
from stabcheck.explain.annotate import annotated
from stabcheck.explain.grading import graded
from stabcheck.findings import Level, Report
from stabcheck.ops import get as get_op
from stabcheck.ops import names as op_names
from stabcheck.ops.op import Op
from stabcheck.targets.find import find
from stabcheck.targets.trial import try_import

Target = Callable[..., Any] | str


def check(
    target: Target,
    op: str | Op | None = None,
    *,
    dtypes: Sequence[str] | str = ("float32", "float64"),
    level: str | Level = "stable",
    options: Mapping[str, Any] | None = None,
    arguments: Sequence[str] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    max_examples: int | None = None,
    max_classes: int = 4096,
    range: tuple[float, float] | None = None,
    specials: Literal["finite", "masked", "extended"] = "masked",
    examples: Sequence[Mapping[str, Any] | npt.ArrayLike] = (),
    regimes: Sequence[str] | None = None,
    gate_factor: float = 1.0,
    grad: bool = False,
    backend: str = "auto",
    rows: bool | None = None,
    isolate: bool = False,
    signals: Literal["report", "fail", "ignore"] = "report",
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    seed: int = 0,
    name: str | None = None,
    device: str | None = None,
) -> Report:
    """Check a target against the certified truth of an op, in every format asked for.

    target: a callable, "package.module:function" or "path/to/file.py:function".
    op: name of an op (`stabcheck list ops`) or one made with `@stabcheck.op`; may be left out where the
        target's name or mark tells it.
    dtypes: formats ("float64", "float32", "bfloat16", "float16").
    level: how much is asked: "robust", "stable" or "accurate". Only findings at or below it are `asked`.
    options: of the op, e.g. {"reduction": "mean"}; passed to the target where its signature names them.
    arguments: the order in which the target takes the op's arguments, e.g. ("target", "logits").
    kwargs: for the target alone.
    max_examples: examples per cell. max_classes: length of the longest rows.
    range: (lo, hi) keeps finite logits where you say they live.
    specials: "finite", "masked" (-inf logits beside finite ones, NaN) or "extended" (all infinities).
    examples: your own recorded inputs, judged first: arrays, or mappings from argument name to array.
    regimes: names of regimes to draw from (`stabcheck list regimes`), default all.
    gate_factor: widens (above 1) or narrows the gates of this target.
    isolate: call the target in a process of its own; one given by name is imported there first, so that it
        cannot take this process with it.
    signals: "report", "fail" or "ignore" an overflow or invalid operation on the way to a right answer.
    select, ignore: finding codes, names or prefixes ("SC1").

    Returns a Report: `report.ok`, `report.grade`, `report.cells`, `report.findings`, `print(report)`.
    Findings that are `asked` have a `cause`, `where` and `fix` as far as the target could be traced.
    Raises UsageError for unknown names (with the nearest match), TargetError when the target cannot be
    found. A target that misbehaves is a finding, not an exception.
    """
    request = Request(
        dtypes=(dtypes,) if isinstance(dtypes, str) else tuple(str(d) for d in dtypes),
        level=Level.parse(level),
        options=dict(options or {}),
        arguments=None if arguments is None else tuple(arguments),
        kwargs=dict(kwargs or {}),
        max_examples=max_examples,
        max_classes=max_classes,
        range=range,
        specials=specials,
        examples=(),
        regimes=None if regimes is None else tuple(regimes),
        gate_factor=gate_factor,
        grad=grad,
        backend=backend,
        device=device,
        rows=rows,
        isolate=isolate,
        signals=signals,
        select=None if select is None else tuple(select),
        ignore=None if ignore is None else tuple(ignore),
        seed=seed,
    )
    if isolate and isinstance(target, str):
        try_import(target, name=name)
    found = find(target, name=name)
    wanted = op if op is not None else found.op
    if not wanted:
        raise UsageError(
            f"no op given for {found.name!r}, and its name does not tell. Give op=..., one of: "
            f"{', '.join(op_names())}."
        )
    record = get_op(wanted)
    own = tuple(_example(record, e) for e in examples)
    # The op itself, whatever else has been declared under its name since.
    known = record.name in op_names() and get_op(record.name) is record
    task = Task(found, record.name if known else record, _with_examples(request, own), name or found.name)
    return _checked(task)


def _checked(task: Task) -> Report:
    """The report of one task. The caller's random numbers go on as if nothing had happened: what is imported
    on first use (rich) may draw some."""
    state = random.getstate()
    try:
        *_, last = run([task])
        assert isinstance(last, Finished)
        if last.report.interrupted:
            raise KeyboardInterrupt
        return _shown(annotated(last.report, [task], check=graded))
    finally:
        random.setstate(state)


def _with_examples(request: Request, own: tuple[Mapping[str, Any], ...]) -> Request:
    from dataclasses import replace

    return replace(request, examples=own)


def _example(op: Op, example: Mapping[str, Any] | npt.ArrayLike) -> Mapping[str, Any]:
    names = [a.name for a in op.arguments]
    if not isinstance(example, Mapping):
        if len(names) > 1:
            raise UsageError(f"an example for {op.name} is a mapping with the keys {', '.join(names)}.")
        return {names[0]: np.asarray(example)}
    missing = [n for n in names if n not in example]
    if missing:
        raise UsageError(
            f"an example for {op.name} needs {', '.join(names)}; {', '.join(missing)} is missing."
        )
    return {n: np.asarray(example[n]) for n in names}


def _shown(report: Report) -> Report:
    """Give reports the terminal's tables as their text."""
    if Report.renderer is None:
        from stabcheck.reports.terminal import text

        Report.renderer = staticmethod(text)
    return report


def assert_stable(target: Target, op: str | Op | None = None, **settings: Any) -> Report:
    """`check`, and raise UnstableError (an AssertionError) with the table when something asked for failed.

    Takes everything that `check` takes; asks for `level="stable"` unless told otherwise.
    """
    __tracebackhide__ = True
    report = check(target, op, **settings)
    if not report.judged_cells:
        reasons = "; ".join(dict.fromkeys(f"{c.dtype}: {c.reason}" for c in report.cells))
        raise UnstableError(f"nothing could be checked: {reasons}")
    if not report.ok:
        from stabcheck.reports.failure import failure

        raise UnstableError(failure(report))
    return report
