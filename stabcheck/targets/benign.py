"""Inputs that no implementation should have trouble with, for finding out how a target is called."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Floats, Format
from stabcheck.ops.op import Argument, Op

Array = npt.NDArray[Any]

#: Examples in a benign block, and the lengths of axes: all different, so that a transposed or flattened
#: call cannot pass by accident.
EXAMPLES = 2
AXES = {"C": 3, "N": 4, "D": 5, "outer": 2, "inner": 7}


def benign_inputs(op: Op, format: Format, examples: int = EXAMPLES, start: int = 0) -> dict[str, Array]:
    """A block of `examples` examples: small numbers of few digits, inside every domain of the op.

    Elementwise ops get three numbers an example. `start` moves on in the sequence: another block.
    """
    return {
        argument.name: _values(op, argument, format, (examples, *_shape(op, argument)), start + 7 * place)
        for place, argument in enumerate(op.arguments)
    }


def _shape(op: Op, argument: Argument) -> tuple[int, ...]:
    if op.kind == "elementwise":
        return (AXES["C"],)
    return tuple(AXES.get(axis, 6) for axis in argument.axes)


def _values(op: Op, argument: Argument, format: Format, shape: tuple[int, ...], start: int) -> Array:
    # The golden ratio's multiples: spread over (0, 1), no two alike, nothing symmetrical.
    steps = np.arange(1 + start, 1 + start + math.prod(shape), dtype=np.float64)
    unit = (steps * 0.6180339887498949 % 1.0).reshape(shape)
    if argument.integer:
        return np.asarray(steps.reshape(shape) * 5 % AXES["C"], dtype=np.int64)
    row = bool(argument.axes) and op.kind != "elementwise"
    if argument.kind in ("probabilities", "targets", "log_probabilities"):
        share = 0.2 + 0.6 * unit
        if row:
            share = share / share.sum(axis=-1, keepdims=True)
        return format.round_array(np.log(share) if argument.kind == "log_probabilities" else share)
    lo, hi = argument.domain
    return format.round_array(_inside(unit, lo, hi))


def _inside(unit: Floats, lo: float, hi: float) -> Floats:
    """Numbers well inside (lo, hi), of magnitude about 1 where that is possible."""
    if math.isfinite(lo) and math.isfinite(hi):
        near = min(max(0.0, lo), hi)  # the point of the domain nearest zero
        if hi - lo <= 4.0:
            return np.asarray(lo + (hi - lo) * (0.15 + 0.7 * unit))
        return min(max(near - 2.0, lo), hi - 4.0) + 4.0 * (0.15 + 0.7 * unit)
    if math.isfinite(lo):
        return max(lo, -2.0) + 0.25 + 2.5 * unit
    if math.isfinite(hi):
        return min(hi, 2.0) - 0.25 - 2.5 * unit
    return 3.0 * unit - 1.25
