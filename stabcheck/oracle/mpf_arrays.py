"""Arrays of raw mpf numbers: in from float64, out to enclosures and formats, operators for formulas."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from mpmath.libmp import finf, fnan, fninf, from_float, from_int, fzero

from stabcheck.formats import Format
from stabcheck.oracle.mpf_functions import Mpf

#: A NumPy object array whose elements are raw mpf numbers.
MpfArray = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


def object_array(values: Any) -> MpfArray:
    """The result of an object ufunc as an array, also where NumPy unpacked a 0-d one to its element."""
    if isinstance(values, np.ndarray):
        return values
    boxed = np.empty((), dtype=object)
    boxed[()] = values
    return boxed


def exact(number: Any) -> Mpf:
    """An int or a float (NumPy's included) as a raw mpf, exactly."""
    if isinstance(number, (int, np.integer, np.bool_)):
        return from_int(int(number))  # type: ignore[no-any-return]
    return from_float(float(number))  # type: ignore[no-any-return]


def elementwise(function: Callable[..., Any], operands: int, results: int) -> Callable[..., Any]:
    """The function on object arrays, with broadcasting; 0-d results come back bare (see `object_array`)."""
    return np.frompyfunc(function, operands, results)  # type: ignore[no-any-return]


_exact_elements = elementwise(exact, 1, 1)


def exact_array(values: npt.ArrayLike) -> MpfArray:
    """Numbers of any NumPy dtype as raw mpf numbers, exactly; the shape is kept."""
    return object_array(_exact_elements(np.asarray(values)))


def rounded(x: Mpf, target: Format) -> float:
    """x rounded once to the format, to nearest even; NaN and infinities are themselves."""
    sign, mantissa, exponent, bits = x
    if not mantissa:
        return {fzero: 0.0, finf: math.inf, fninf: -math.inf, fnan: math.nan}[x]
    binade = exponent + bits - 1
    # Exponents here can be thousands of bits long: settle what lies far outside before shifting by them.
    if binade > target.emax:
        return -math.inf if sign else math.inf
    if binade < target.etamin - 1:
        return -0.0 if sign else 0.0
    return target.round_parts(int(-mantissa if sign else mantissa), exponent)


class Elementwise(ABC):
    """A value with the operators that formulas use; a subclass says how one operation is carried out."""

    #: NumPy scalars and arrays leave mixed operators to this class.
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @abstractmethod
    def _combine(self, operation: str, left: Any, right: Any) -> Self:
        """One of plus, minus, times, divided."""

    @abstractmethod
    def _compare(self, operation: str, left: Any, right: Any) -> Any:
        """One of less, less_equal."""

    @abstractmethod
    def __neg__(self) -> Self: ...

    @abstractmethod
    def __abs__(self) -> Self: ...

    @abstractmethod
    def __pow__(self, n: int) -> Self: ...

    def __add__(self, other: Any) -> Self:
        return self._combine("plus", self, other)

    def __radd__(self, other: Any) -> Self:
        return self._combine("plus", other, self)

    def __sub__(self, other: Any) -> Self:
        return self._combine("minus", self, other)

    def __rsub__(self, other: Any) -> Self:
        return self._combine("minus", other, self)

    def __mul__(self, other: Any) -> Self:
        return self._combine("times", self, other)

    def __rmul__(self, other: Any) -> Self:
        return self._combine("times", other, self)

    def __truediv__(self, other: Any) -> Self:
        return self._combine("divided", self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return self._combine("divided", other, self)

    def __lt__(self, other: Any) -> Any:
        return self._compare("less", self, other)

    def __le__(self, other: Any) -> Any:
        return self._compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare("less", other, self)

    def __ge__(self, other: Any) -> Any:
        return self._compare("less_equal", other, self)

    def __eq__(self, other: object) -> Any:
        return (self <= other) & (self >= other)

    def __ne__(self, other: object) -> Any:
        return ~(self == other)


def rows(values: MpfArray, axis: int) -> tuple[tuple[int, ...], list[list[Mpf]]]:
    """The lines of an array along an axis, and the shape that holds one result per line (axis kept)."""
    moved = np.moveaxis(values, axis, -1)
    kept = list(values.shape)
    kept[axis] = 1
    count = math.prod(moved.shape[:-1])
    return tuple(kept), [list(line) for line in moved.reshape(count, moved.shape[-1])]


def filled(shape: tuple[int, ...], values: list[Mpf]) -> MpfArray:
    """A list of raw mpf numbers as an object array of that shape."""
    # fromiter, because NumPy would read a list of tuples as a table.
    return np.fromiter(values, dtype=object, count=len(values)).reshape(shape)


def picked(values: MpfArray, index: npt.NDArray[np.int64]) -> MpfArray:
    """values[..., index] along the last axis; leading axes broadcast, `index` ends in an axis of length 1."""
    leading = np.broadcast_shapes(values.shape[:-1], index.shape[:-1])
    spread = np.broadcast_to(values, (*leading, values.shape[-1]))
    return np.take_along_axis(spread, np.broadcast_to(index, (*leading, index.shape[-1])), axis=-1)
