"""One group of cells: every block is drawn and its truth enclosed once, for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.audit import Auditor
from stabcheck.engine.events import CellFinished, CellStarted, Event, Progress
from stabcheck.engine.plan import Group, Planned
from stabcheck.engine.seat import Seat
from stabcheck.findings import Cell, Grade
from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.remembered import RememberingOracle
from stabcheck.strategies.block import Block, Recipe
from stabcheck.strategies.recipes import blocks
from stabcheck.targets.gradients import prepare_gradient
from stabcheck.targets.isolate import prepare_isolated
from stabcheck.targets.prepare import Reference, prepare
from stabcheck.targets.runner import Inapplicable, Runner

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def run_group(group: Group) -> Iterator[Event]:
    """All cells of a group: every block is drawn and its truth enclosed once."""
    oracle = RememberingOracle(group.op, group.format, group.options, group.request.gate_factor)
    seats = []
    for cell in group.cells:
        yield CellStarted(cell.key)
        seat = _seat(cell, group, oracle)
        if isinstance(seat, Cell):
            yield CellFinished(seat)
        else:
            seats.append(seat)
    if not seats:
        return
    auditor = Auditor(oracle, group.draws.examples, group.draws.seed)
    for block in _all_blocks(group):
        truth = oracle.truth(block.inputs)
        elements = truth.head.size
        for seat in seats:
            yield from seat.feed(block, truth)
            yield Progress(seat.key, block.rows, elements)
        auditor.sample(block, truth)
        if time.time() >= group.deadline:
            break
    for seat in seats:
        seat.audited = auditor.audited
        if time.time() < group.deadline:
            yield from seat.search_worst(group.draws.examples)
        for event in seat.finish():
            yield CellFinished(event) if isinstance(event, Cell) else event
        seat.runner.close()


def _seat(cell: Planned, group: Group, oracle: Oracle) -> Seat | Cell:
    runner = _prepared(cell, group, oracle.rounded)
    grade = cell.task.declared.get(group.format.name)
    declared = Grade[grade.upper()] if grade else None
    if isinstance(runner, Inapplicable):
        target, op, options, dtype = cell.key
        return Cell(
            target,
            op,
            dtype,
            options,
            state="n/a",
            reason=runner.reason,
            location=cell.found.location,
            declared=declared,
        )
    reason = cell.task.reason.get(group.format.name, "")
    argument = next(a.name for a in group.op.arguments if not a.integer) if cell.forward else ""
    task = cell.task
    return Seat(cell.key, runner, oracle, task.request, declared, reason, argument, task.catalogue)


def _prepared(cell: Planned, group: Group, reference: Reference) -> Runner | Inapplicable:
    """The target, ready to be called: in this process or one of its own, itself or its gradient."""
    request = cell.task.request
    common: dict[str, Any] = {
        "reference": reference,
        "arguments": request.arguments,
        "kwargs": request.kwargs,
        "rows": request.rows,
        "backend": request.backend,
        "device": request.device,
    }
    op, fmt, options = cell.forward or group.op, group.format, {**group.options, **_passed_on(cell, group)}
    if request.isolate:
        gradient = group.op if cell.forward else None
        limits: dict[str, Any] = {"time_limit": request.time_limit, "memory_limit": request.memory_limit}
        return prepare_isolated(cell.found, op, fmt, options, gradient_op=gradient, **limits, **common)
    if cell.forward:
        return prepare_gradient(cell.found, op, group.op, fmt, options, **common)
    return prepare(cell.found, op, fmt, options, **common)


def _passed_on(cell: Planned, group: Group) -> dict[str, Any]:
    """Options of the forward op, when its gradient is judged."""
    if cell.forward is None:
        return {}
    return cell.forward.parse_options({**cell.found.options, **cell.task.request.options})


def _all_blocks(group: Group) -> Iterator[Block]:
    """The user's own examples first, then the search."""
    for number, example in enumerate(group.request.examples):
        whole = _with_cotangent(group.op, example)
        if all(argument.name in whole for argument in group.op.arguments):  # a gradient may take others
            yield _own_block(group.op, group.format, whole, number)
    yield from blocks(group.draws)


def _with_cotangent(op: Op, example: Mapping[str, Any]) -> Mapping[str, Any]:
    """The example of an op, for its gradient op: in the direction of the first class."""
    missing = [a.name for a in op.arguments if a.kind == "cotangent" and a.name not in example]
    if not missing:
        return example
    direction = np.zeros(np.shape(next(iter(example.values()))))
    direction[..., :1] = 1
    return {**example, **dict.fromkeys(missing, direction)}


def _own_block(op: Op, fmt: Format, example: Mapping[str, Any], number: int) -> Block:
    """An example of the user's own, or a batch of them: what fails in company only is stored as one."""
    inputs = {}
    for argument in op.arguments:
        values = np.asarray(example[argument.name])
        exact = values.astype(np.int64) if argument.integer else fmt.round_array(values.astype(np.float64))
        inputs[argument.name] = exact
    if not op.is_batch(inputs):
        inputs = {name: a[None] for name, a in inputs.items()}
    rows = next(iter(inputs.values())).shape[0]
    classes = max((a.shape[-1] for a in inputs.values() if a.ndim > 1), default=1)
    return Block((Recipe("your example", rows, classes, number),), inputs)
