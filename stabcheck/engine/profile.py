"""The error-against-input picture: the worst point in each slice of the logit axis."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Slices on either side of zero, on a logarithmic axis.
SLICES = 64
#: Sign, exponent and, where the exponent is short, so much of the fraction as tells a slice.
_LEADING = 12


class Profile:
    """Keeps the worst point of each slice.

    The slice of a number is told from its leading bits, so that whether it is worse than the worst of its
    slice takes one look into a small table.
    """

    def __init__(self, fmt: Format) -> None:
        self._slices, self._stretches = _slices(fmt), _stretches(fmt)
        # By leading bits: no error yet, which is less than an error of 0.
        self._worst = np.where(self._slices == _NONE, math.inf, -math.ulp(0.0))
        self._points: dict[int, tuple[float, float, float]] = {}

    @property
    def points(self) -> tuple[tuple[float, float, float], ...]:
        """(logit, ulps, ratio), from the most negative logit to the largest."""
        return tuple(self._points[s] for s in sorted(self._points))

    def feed(self, x: Array, ulps: Floats, ratio: Floats) -> None:
        """Take in a block: errors of the results (negative ones do not count) and the logits that they belong
        to. A result of a whole row stands at the row's largest logit."""
        bits = _leading_bits(x)
        if x.shape != ulps.shape:
            if x.ndim != ulps.ndim + 1 or x.shape[-1] == 0:
                return
            bits = _of_largest(bits)
        # By intp a table is read three times as fast; in the memory layout of the errors.
        laid = np.empty_like(ulps, dtype=np.intp)
        laid[...] = bits
        places = np.argwhere(ulps > self._worst[laid])
        if not places.size:
            return
        each = tuple(places.T)
        slices = self._slices[laid[each]]
        # The worst come last, and of equal ones the first.
        order = np.argsort(-ulps[each], kind="stable")[::-1]
        for here, place in dict(zip(slices[order].tolist(), places[order].tolist(), strict=True)).items():
            index = tuple(place)
            logits = np.atleast_1d(x[index].astype(np.float64))
            error = float(ulps[index])
            self._points[here] = (float(logits[np.argmax(np.abs(logits))]), error, float(ratio[index]))
            for start, end in self._stretches[here]:
                self._worst[start:end] = error


_NONE = np.int8(-128)


@functools.cache
def _slices(fmt: Format) -> npt.NDArray[np.int8]:
    """The slice that leading bits stand for, -SLICES to SLICES; `_NONE` for infinities and NaN."""
    rest = max(fmt.bits - _LEADING, 0)
    bits = np.arange(1 << (fmt.bits - rest)).astype(f"u{fmt.dtype.itemsize}") << rest
    values = fmt.widen(bits.view(fmt.dtype))
    with np.errstate(all="ignore"):
        axis = np.rint(np.copysign(np.log1p(np.abs(values)), values) / math.log1p(fmt.max) * SLICES)
    return np.where(np.isfinite(values), np.nan_to_num(axis), _NONE).astype(np.int8)


@functools.cache
def _stretches(fmt: Format) -> dict[int, list[tuple[int, int]]]:
    """Where the leading bits of each slice begin and end."""
    slices = _slices(fmt)
    edges = [0, *(np.flatnonzero(np.diff(slices)) + 1).tolist(), slices.size]
    found: dict[int, list[tuple[int, int]]] = {}
    for start, end in itertools.pairwise(edges):
        found.setdefault(int(slices[start]), []).append((start, end))
    return found


def _leading_bits(x: Array) -> Array:
    bits = np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").reshape(x.shape)
    rest = 8 * x.dtype.itemsize - _LEADING
    return bits if rest < 0 else (bits >> rest).astype(np.uint16)


def _of_largest(bits: Array) -> Array:
    """Of every row the leading bits of its largest number: with the sign behind, magnitudes are in order."""
    last = min(8 * bits.dtype.itemsize, _LEADING) - 1
    sign = 1 << last
    turned = np.ascontiguousarray(np.moveaxis(((bits & (sign - 1)) << 1) | (bits >> last), -1, 0))
    largest = np.maximum.reduce(turned, axis=0)
    return np.asarray((largest >> 1) | ((largest & 1) << last))
