"""The plan: tasks become groups that share their inputs and their truth, in the order of the report."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stabcheck import formats, ops
from stabcheck.engine.events import CellKey
from stabcheck.engine.request import CATALOGUE_EXAMPLES, Request, Task
from stabcheck.errors import UsageError
from stabcheck.findings import Level
from stabcheck.formats import Format
from stabcheck.implementations import all_implementations
from stabcheck.ops.op import Op
from stabcheck.oracle.conditioning import differentiable
from stabcheck.strategies.recipes import Draws
from stabcheck.targets.find import Found, find


@dataclass(frozen=True)
class Planned:
    """One cell to come: a task in one format, with what was found of its target.

    With `forward` the cell judges the gradient that a framework's autograd makes of a target of that op.
    """

    task: Task
    found: Found
    key: CellKey
    forward: Op | None = None


@dataclass(frozen=True)
class Group:
    """Cells with the same op, options, format and draws: one truth serves them all. The search ends at
    `deadline` (seconds of `time.time`), though not before its first block."""

    op: Op
    options: Mapping[str, Any]
    format: Format
    draws: Draws
    request: Request
    cells: tuple[Planned, ...]
    deadline: float = math.inf

    @property
    def draws_key(self) -> tuple[Any, ...]:
        """What must be equal for two cells to share their inputs: the fields of `draws`, by value."""
        d = self.draws
        return (self.format.name, d.examples, d.seed, d.max_classes, d.specials, d.range, d.regimes)


@dataclass(frozen=True)
class Plan:
    groups: tuple[Group, ...]
    order: tuple[CellKey, ...]

    def within(self, seconds: float | None, workers: int) -> Plan:
        """The same plan in so many seconds from now: an equal share for every group, and what an earlier
        one leaves over for those that follow."""
        if seconds is None:
            return self
        now, share = time.time(), seconds / max(len(self.groups), 1)
        timed = [
            replace(group, deadline=now + min(share * (place + workers), seconds))
            for place, group in enumerate(self.groups)
        ]
        return replace(self, groups=tuple(timed))

    @property
    def examples(self) -> int:
        return sum(g.draws.examples * len(g.cells) for g in self.groups)


def catalogue_tasks(request: Request, wanted: Sequence[str] | None = None) -> list[Task]:
    """Every implementation of the catalogue (of the ops named), with the grades it declares."""
    chosen = [ops.get(name).name for name in wanted] if wanted else list(ops.names())
    tasks = []
    for name in chosen:
        for implementation in all_implementations():
            if implementation.op != name:
                continue
            asked = replace(
                request,
                options={**implementation.options, **request.options},
                max_examples=CATALOGUE_EXAMPLES if request.max_examples is None else request.max_examples,
            )
            tasks.append(
                Task(
                    implementation.function,
                    name,
                    asked,
                    implementation.name,
                    implementation.grades,
                    implementation.reasons,
                    catalogue=True,
                )
            )
    return tasks


def plan(tasks: Sequence[Task]) -> Plan:
    """Resolve ops, options, formats and targets; UsageError or TargetError for what does not exist."""
    groups: dict[Any, Group] = {}
    order: list[CellKey] = []
    for task in tasks:
        found = find(task.target, name=task.name) if not isinstance(task.target, Found) else task.target
        op = ops.get(task.op)
        _check(op, task.request)
        for judged, forward in _judged_ops(op, task.request):
            options = _options(judged, op, {**found.options, **task.request.options})
            for name in task.request.dtypes:
                group = _group(judged, options, formats.get(name), task.request)
                key = (task.name or found.name, judged.name, judged.canonical(options), group.format.name)
                together = (
                    judged.name,
                    key[2],
                    group.draws_key,
                    task.request.gate_factor,
                    _by_value(task.request.examples),
                )
                known = groups.get(together, group)
                cell = Planned(task, found, key, forward)
                groups[together] = replace(known, cells=(*known.cells, cell))
                order.append(key)
    return Plan(tuple(groups.values()), tuple(order))


def _judged_ops(op: Op, request: Request) -> list[tuple[Op, Op | None]]:
    """The op itself and, with `grad`, its gradient (judged of the same target)."""
    if not request.grad:
        return [(op, None)]
    if not op.gradient or op.gradient not in ops.names():
        raise UsageError(f"op {op.name} has no gradient op to judge by; leave out grad.")
    return [(op, None), (ops.get(op.gradient), op)]


def _options(judged: Op, op: Op, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the op that is judged; those of the forward op that its gradient lacks are checked."""
    op.parse_options(given)
    known = {option.name for option in judged.options}
    return judged.parse_options({k: v for k, v in given.items() if judged is op or k in known})


def _group(op: Op, options: Mapping[str, Any], fmt: Format, request: Request) -> Group:
    op = op.under(options)
    if not differentiable(op, options):
        op = replace(op, judged_levels=(Level.ROBUST,))
    draws = Draws(
        op,
        options,
        fmt,
        request.effort,
        request.seed,
        request.max_classes,
        request.specials,
        request.range,
        request.regimes,
    )
    draws.chosen()  # an unknown regime is told before any target is called
    return Group(op, options, fmt, draws, request, ())


def _by_value(examples: tuple[Mapping[str, Any], ...]) -> tuple[Any, ...]:
    """The user's own examples as something that can be compared."""
    return tuple(
        tuple((name, np.shape(a), np.asarray(a).tobytes()) for name, a in sorted(example.items()))
        for example in examples
    )


def _check(op: Op, request: Request) -> None:
    if request.arguments is not None:
        names = {a.name for a in op.arguments}
        if set(request.arguments) != names or len(request.arguments) != len(names):
            raise UsageError(
                f"arguments {','.join(request.arguments)!r}: {op.name} takes {', '.join(sorted(names))}, "
                "each once, in the order in which your target takes them."
            )
    if request.effort < 1:
        raise UsageError(f"max_examples={request.max_examples}: at least 1 example is needed.")
    if request.max_classes < 1:
        raise UsageError(f"max_classes={request.max_classes}: at least 1 class is needed.")
    if request.regimes is not None and not request.regimes:
        raise UsageError("regimes is empty: name at least one (`stabcheck list regimes`), or leave it out.")
    if request.range is not None and not request.range[0] < request.range[1]:
        raise UsageError(f"range={request.range}: the lower end must be below the upper one.")
    if not request.gate_factor > 0:
        raise UsageError(f"gate_factor={request.gate_factor}: a positive number is needed.")


def describe(level: Level, seed: int) -> dict[str, Any]:
    """The header: versions, seed, oracle, platform. Nothing in it depends on the machine's name or time."""
    packages = ("stabcheck", "numpy", "mpmath", "hypothesis")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        **versions,
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()}-{platform.machine().lower()}",
        "seed": seed,
        "level": str(level),
        "oracle": "balls, then mpmath intervals",
        "flush-to-zero": "on" if np.float32(1e-40) * np.float32(1) == 0 else "off",
    }
