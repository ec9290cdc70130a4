"""Floats with an exponent of their own: (mantissa, exponent) pairs that neither overflow nor underflow.

Errors and gates meet here: a truth of 1e-310 with a gate of 1e-15, or an answer of 5.0 where 1e-310 is right,
leave the range of float64 when written in ulps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Exponent of zero: far below every other, and sums of a few such exponents stay in int64.
_ZERO = -(1 << 60)


#: Fields of a float64.
_FRACTION_BITS = 52
_BIAS = 1023
_EXPONENT_FIELD = 0x7FF
_NO_EXPONENT = np.int64(~(_EXPONENT_FIELD << _FRACTION_BITS))
_FRACTION = np.int64((1 << _FRACTION_BITS) - 1)
_HALF = np.int64((_BIAS - 1) << _FRACTION_BITS)


def all_finite(values: Floats) -> bool:
    """Whether no element is infinite or NaN."""
    return bool(np.logical_and.reduce(np.isfinite(values), axis=None))


def writeable(a: Floats) -> Floats:
    """The array itself where it may be written to, else a copy."""
    return a if a.flags.writeable else a.copy(order="K")


def shift(values: Floats, exponents: npt.ArrayLike) -> Floats:
    """values * 2^exponents for int64 exponents of any size, rounded once where the result is subnormal; the
    values themselves, no copy, where all exponents are 0."""
    e = np.asarray(exponents, dtype=np.int64)
    if e.ndim:
        return shifted_alike((values,), e)[0]
    alike = int(e)
    if -_BIAS < alike <= _BIAS:
        return np.asarray(values * 2.0**alike if alike else values)
    return np.asarray(np.ldexp(values, max(min(alike, 5000), -5000)))


def shifted_alike(arrays: Sequence[Floats], e: Ints) -> list[Floats]:
    """`shift` for several arrays by the same exponents.

    A product with a power of two says the same as ldexp and costs a fifth; ldexp (of an int32) serves
    powers that are no normal number.
    """
    if e.size:
        least, most = e.min(), e.max()
        if least == most == 0:
            return [np.asarray(a) for a in arrays]
        if least > -_BIAS and most <= _BIAS:
            factor = power(e)
            return [np.asarray(a * factor) for a in arrays]
    clipped = np.clip(e, -5000, 5000).astype(np.int32)
    return [np.ldexp(a, clipped) for a in arrays]


def exponent_and_edge(values: Floats) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The exponents of `split`, and where |mantissa| is 1/2."""
    bits = np.ascontiguousarray(values).view(np.int64).reshape(values.shape)
    field = (bits >> _FRACTION_BITS) & _EXPONENT_FIELD
    edge = (bits & _FRACTION) == 0
    exponent = field - (_BIAS - 1)
    odd = (field == 0) | (field == _EXPONENT_FIELD)
    if odd.any():
        mantissa, exponent[odd] = np.frexp(values[odd])
        edge[odd] = np.abs(mantissa) == 0.5
    return exponent, edge


def power(exponents: Ints) -> Floats:
    """2^exponents for -1022 <= exponents <= 1023, from its bits."""
    return np.asarray((exponents + _BIAS) << _FRACTION_BITS).view(np.float64)


def split(values: Floats) -> tuple[Floats, Ints]:
    """frexp by bits: (mantissa, exponent) with 1/2 <= |mantissa| < 1, or 0 (inf, NaN) with exponent 0."""
    if values.ndim == 0:
        mantissa, exponent = np.frexp(values)
        return np.asarray(mantissa), np.asarray(exponent, dtype=np.int64)
    bits = np.ascontiguousarray(values).view(np.int64).reshape(values.shape)
    field = (bits >> _FRACTION_BITS) & _EXPONENT_FIELD
    odd = (field == 0) | (field == _EXPONENT_FIELD)
    mantissa = ((bits & _NO_EXPONENT) | _HALF).view(np.float64)
    exponent = field - (_BIAS - 1)
    if odd.any():
        mantissa[odd], exponent[odd] = np.frexp(values[odd])
    return mantissa, exponent


@dataclass(eq=False)
class Scaled:
    """mantissa * 2^exponent, 1/2 <= |mantissa| < 1 (or 0, inf, NaN), elementwise."""

    mantissa: Floats
    exponent: Ints

    @classmethod
    def of(cls, values: npt.ArrayLike, exponent: npt.ArrayLike = 0) -> Scaled:
        """values * 2^exponent."""
        mantissa, own = split(np.asarray(values, dtype=np.float64))
        whole = own + np.asarray(exponent, dtype=np.int64)
        zero = mantissa == 0
        return cls(mantissa, np.where(zero, _ZERO, whole) if zero.any() else whole)

    def __add__(self, other: Scaled) -> Scaled:
        top = np.maximum(self.exponent, other.exponent)
        # What is 2^1000 times smaller than the other changes no bit of the sum.
        both = [a.mantissa * power(np.maximum(a.exponent - top, -1000)) for a in (self, other)]
        return Scaled.of(both[0] + both[1], top)

    def minimum(self, other: Scaled) -> Scaled:
        """NaN where this one is."""
        less = (self.over(other) <= 1) | np.isnan(self.mantissa)
        return self.where(less, other)

    def times(self, factor: npt.ArrayLike) -> Scaled:
        return Scaled.of(self.mantissa * np.asarray(factor), self.exponent)

    def over(self, other: Scaled) -> Floats:
        """self / other as float64: inf or 0 where it leaves the range, NaN only from 0 / 0."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            return shift(self.mantissa / other.mantissa, self.exponent - other.exponent)

    def floats(self) -> Floats:
        if self.exponent.ndim == 0 and self.exponent == 0:
            return self.mantissa
        with np.errstate(over="ignore", under="ignore"):
            return shift(self.mantissa, self.exponent)

    def like(self, values: npt.ArrayLike, exponent: npt.ArrayLike = 0) -> Scaled:
        """values * 2^exponent, of whatever kind this is."""
        return Scaled.of(values, exponent)

    def shifted(self, exponent: int) -> Scaled:
        """self * 2^exponent."""
        return Scaled(self.mantissa, self.exponent + exponent)

    def owned(self) -> Scaled:
        """A copy that may be written to, of whatever kind this is."""
        return type(self)(self.mantissa.copy(), self.exponent.copy())

    def whole(self, shape: tuple[int, ...]) -> Scaled:
        """The same numbers, each of them in a place of its own that may be written to."""
        mantissa = self.mantissa if self.mantissa.shape == shape else np.broadcast_to(self.mantissa, shape)
        exponent = np.broadcast_to(self.exponent, shape).copy() if self.exponent.ndim else self.exponent
        return type(self)(writeable(mantissa), exponent)

    def normalised(self) -> Scaled:
        """The same numbers as `Scaled` in the narrow sense, which mix with all others."""
        return Scaled.of(self.mantissa, self.exponent)

    def where(self, mask: npt.NDArray[np.bool_], other: Scaled) -> Scaled:
        """self where the mask holds, the other (of the same kind) elsewhere."""
        return type(self)(
            np.where(mask, self.mantissa, other.mantissa), np.where(mask, self.exponent, other.exponent)
        )

    def spread(self, shape: tuple[int, ...]) -> Scaled:
        """A copy of that shape."""
        mantissa, exponent = np.broadcast_to(self.mantissa, shape), np.broadcast_to(self.exponent, shape)
        return type(self)(mantissa.copy(), exponent.copy())

    def __getitem__(self, key: Any) -> Scaled:
        return Scaled(self.mantissa[key], self.exponent[key])

    def reshape(self, *shape: int) -> Scaled:
        return type(self)(self.mantissa.reshape(shape), self.exponent.reshape(shape))

    def put(self, key: npt.NDArray[np.int64], values: Scaled) -> None:
        """Replace the entries of some examples in place (the owner refines its truth)."""
        self.mantissa[key] = values.mantissa
        self.exponent[key] = values.exponent


class InUnits(Scaled):
    """Numbers in units of 2^exponent, mantissas of any size: to be mixed with numbers in the same units only
    (they share the exponents: `owned` before writing). A fifth of the work of `Scaled`; what leaves the range
    of float64 in these units is infinite or 0. The exponent is a 0-d array where all units are alike."""

    def like(self, values: npt.ArrayLike, exponent: npt.ArrayLike = 0) -> Scaled:
        return InUnits(
            shift(np.asarray(values, dtype=np.float64), np.subtract(exponent, self.exponent)), self.exponent
        )

    def __add__(self, other: Scaled) -> Scaled:
        return InUnits(self.mantissa + other.mantissa, self.exponent)

    def minimum(self, other: Scaled) -> Scaled:
        return InUnits(np.minimum(self.mantissa, other.mantissa), self.exponent)

    def times(self, factor: npt.ArrayLike) -> Scaled:
        return InUnits(self.mantissa * np.asarray(factor), self.exponent)

    def put(self, key: npt.NDArray[np.int64], values: Scaled) -> None:
        if self.exponent.ndim:
            super().put(key, values)
        else:
            self.mantissa[key] = shift(values.mantissa, values.exponent - self.exponent)

    def __getitem__(self, key: Any) -> Scaled:
        return InUnits(self.mantissa[key], self.exponent[key] if self.exponent.ndim else self.exponent)

    def reshape(self, *shape: int) -> Scaled:
        exponent = self.exponent.reshape(shape) if self.exponent.ndim else self.exponent
        return InUnits(self.mantissa.reshape(shape), exponent)
