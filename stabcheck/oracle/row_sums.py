"""Sums of absolute values over the rows of a Jacobian of simple shape, the numbers that conditioning needs.

    dr_i/dx_j = D_i [i = j] + sum_k A_ik b_kj

No n x n matrix is formed, except where three or more reductions meet in a row-valued result, or where two
would cancel (then products of float64, in slices).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stabcheck.ops.context import Context, Value
from stabcheck.oracle.scaled import all_finite

if TYPE_CHECKING:
    from stabcheck.oracle.jacobian import Linear

Floats = npt.NDArray[np.float64]


def _others(a: Value) -> Value:
    """sum over j != i, without subtracting (which would cancel where one term dominates)."""
    before = np.cumsum(a, axis=-1)
    after = np.cumsum(a[..., ::-1], axis=-1)[..., ::-1]
    zero = a[..., :1] * 0
    return np.concatenate([zero, before[..., :-1]], axis=-1) + np.concatenate([after[..., 1:], zero], axis=-1)


#: Numbers of one slice.
_SLICE = 1 << 16
#: Rows for which slices are quick enough.
_SHORT = 64
#: Sums of so small a share of their parts have lost digits that a gate needs.
_CANCELLED = 2.0**-20


def _weighted(k: Context, slope: Value, weight: Value) -> Value:
    """|slope| weight: what is exactly 0 has no relative error, however steep the slope (a root of 0)."""
    product = k.abs(slope) * weight
    if product.dtype != object and all_finite(product):
        return product
    return k.where(weight <= 0, 0, product)


def absolute_row_sums(k: Context, result: Linear, weight: Value) -> Value:
    """sum_j |dr_i/dx_j| w_j for every output i; `weight` has the argument's shape."""
    tape = result.tape
    width = k.shape(result.value)[-1]
    moving = {
        key: a for key, a in result.dense.items() if np.any(tape.rows[key])
    }  # not a length, sum(0 x + 1)
    result = replace(result, dense=moving)
    if not result.dense:
        return result.value * 0 if result.diagonal is None else _weighted(k, result.diagonal, weight)
    if width == 1 and k.shape(weight)[-1] != 1:
        row: Value | None = None
        for key, a in result.dense.items():
            row = a * tape.rows[key] if row is None else row + a * tape.rows[key]
        return k.sum(_weighted(k, row, weight))
    if len(result.dense) == 1:
        ((key, a),) = result.dense.items()
        b = tape.rows[key]
        own = a * b if result.diagonal is None else result.diagonal + a * b
        return _weighted(k, own, weight) + k.abs(a) * _others(_weighted(k, b, weight))
    sums = _of_two(result, weight) if len(result.dense) == 2 and k.shape(weight)[-1] > _SHORT else None
    if sums is not None:
        return sums
    few = max(1, _SLICE // max(math.prod(k.shape(weight)), 1))
    outputs = np.array_split(np.arange(width), math.ceil(width / few))
    return np.concatenate([_of_outputs(k, result, weight, some) for some in outputs], axis=-1)


def _of_outputs(k: Context, result: Linear, weight: Value, outputs: npt.NDArray[np.int64]) -> Value:
    """The same for some outputs: a slice of the n x n matrix of derivatives."""
    part: Any = None
    for key, a in result.dense.items():
        own = a if k.shape(a)[-1] == 1 else a[..., outputs]
        product = own[..., None] * result.tape.rows[key][..., None, :]
        part = product if part is None else part + product
    if result.diagonal is not None:
        part = part + (outputs[:, None] == np.arange(k.shape(weight)[-1])) * result.diagonal[..., None, :]
    sums = k.sum(_weighted(k, part, weight[..., None, :]))[..., 0]
    return np.broadcast_to(sums, (*sums.shape[:-1], len(outputs)))


def _of_two(result: Linear, weight: Value) -> Floats | None:
    """For two reductions, in float64: with t = a_2 / a_1 and tau_j = -b_1j / b_2j

        sum_j |a_1 b_1j + a_2 b_2j| w_j = |a_1| (sum_j |t - tau_j| |b_2j| w_j + sum_(b_2j = 0) |b_1j| w_j)

    is piecewise linear in t: sums over the sorted tau_j tell it for every output. None where it cancels, or
    for other numbers than float64.
    """
    (first, a1), (second, a2) = result.dense.items()
    b1, b2 = (result.tape.rows[key] for key in (first, second))
    if any(np.asarray(part).dtype != np.float64 for part in (a1, a2, b1, b2, weight)):
        return None
    shape = np.broadcast_shapes(np.shape(a1), np.shape(a2), np.shape(result.value))
    a1, a2 = np.broadcast_to(a1, shape), np.broadcast_to(a2, shape)
    b1, b2, weight = (np.broadcast_to(part, (*shape[:-1], np.shape(weight)[-1])) for part in (b1, b2, weight))
    sums = np.empty(shape)
    for row in np.ndindex(shape[:-1]):
        line = _line(a1[row], a2[row], b1[row], b2[row], weight[row])
        if line is None:
            return None
        sums[row] = line
    if result.diagonal is not None:
        own = a1 * b1 + a2 * b2
        sums += (np.abs(own + result.diagonal) - np.abs(own)) * weight
    return sums if all_finite(sums) else None


def _line(a1: Floats, a2: Floats, b1: Floats, b2: Floats, weight: Floats) -> Floats | None:
    """The sums of one row; None where some of them have lost too many digits."""
    bends = b2 != 0
    tau = -b1[bends] / b2[bends]
    order = np.argsort(tau)
    tau, slope = tau[order], (np.abs(b2) * weight)[bends][order]
    flat = float((np.abs(b1) * weight)[~bends].sum())
    slopes = np.concatenate([[0.0], np.cumsum(slope)])
    heights = np.concatenate([[0.0], np.cumsum(slope * tau)])
    size = float((slope * np.abs(tau)).sum()) + flat
    t = np.divide(a2, a1, out=np.zeros_like(a1), where=a1 != 0)
    below = np.searchsorted(tau, t)
    sums = t * (2 * slopes[below] - slopes[-1]) - (2 * heights[below] - heights[-1]) + flat
    steep = float(slopes[-1])
    if not np.all(sums >= _CANCELLED * (np.abs(t) * steep + size)):
        return None
    return np.asarray(np.where(a1 != 0, np.abs(a1) * sums, np.abs(a2) * steep))
