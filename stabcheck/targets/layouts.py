"""The same values in memory in different ways: what a target must not care about."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Layout = Literal["C", "F", "strided", "readonly", "broadcast", "0-d"]
#: What each is called in a sentence.
LAYOUTS: dict[Layout, str] = {
    "C": "in C order",
    "F": "in Fortran order",
    "strided": "in memory that is not contiguous",
    "readonly": "in read-only memory",
    "broadcast": "in a broadcast array",
    "0-d": "as 0-d arrays, a number by itself",
}


def laid_out(values: Array, layout: Layout) -> Array:
    """A fresh array with these values: C- or Fortran-ordered, every second element of a larger buffer
    along the last axis, read-only, or with stride 0 along every axis on which the values do not vary. For
    "0-d" the runner takes single numbers out of it.
    """
    if layout == "F":
        return np.array(values, order="F")
    if layout == "strided" and values.ndim:
        # What lies between must not be read: NaN shows it.
        gap = 0 if values.dtype.kind in "iub" else np.nan
        buffer = np.full((*values.shape[:-1], 2 * values.shape[-1]), gap, dtype=values.dtype)
        buffer[..., ::2] = values
        return buffer[..., ::2]
    if layout == "broadcast":
        return _broadcast(values)
    fresh = np.array(values, order="C")
    if layout == "readonly":
        fresh.setflags(write=False)
    return fresh


def _broadcast(values: Array) -> Array:
    small = values
    for axis in range(values.ndim):
        first = small.take([0], axis=axis) if small.shape[axis] else small
        if same_bits(np.broadcast_to(first, small.shape), small):
            small = first
    return np.broadcast_to(small.copy(), values.shape)


def same_bits(a: Array, b: Array) -> bool:
    """Equal shape, dtype and bit patterns (NaN equals itself, -0 is not +0)."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.itemsize not in (1, 2, 4, 8):  # long double has padding that means nothing
        return bool(((a == b) | ((a != a) & (b != b))).all())
    return bool((bits(a) == bits(b)).all())


def bits(values: Array) -> Array:
    """The bit patterns of an array of numbers of 1, 2, 4 or 8 bytes, in its shape, without a copy."""
    return values.view(f"u{values.dtype.itemsize}")
