"""Reading what a target returned: the values, or what is wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck import formats
from stabcheck.errors import UsageError
from stabcheck.formats import Floats, Format
from stabcheck.targets.answer import Fault
from stabcheck.targets.backends import Backend, NotNumbersError
from stabcheck.targets.guard import Raised, attempt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reading:
    """A result as values of the format in the expected shape, or the fault that it is.

    `wider` is the dtype of a wider result, `kept` says that an axis of length 1 too many was dropped.
    """

    values: Floats | None
    fault: Fault | None = None
    wider: str = ""
    kept: bool = False


def dumped(result: Any, backend: Backend) -> Array | Raised:
    """The result as a NumPy array that may share its memory, or why it is none."""
    return result if type(result) is np.ndarray else attempt(backend.dump, result)


def read(array: Array | Raised, shape: tuple[int, ...], format: Format) -> Reading:
    """What `dumped` made of a result, copied: SC403 for what is no array of wide enough floats, SC402
    for the wrong shape. An axis of length 1 that a reduction kept is forgiven."""
    if isinstance(array, Raised):
        known = isinstance(array.error, NotNumbersError)
        return _fault("SC403", str(array.error) if known else f"unreadable result, {array.text}")
    if not array.dtype.isnative:  # the same numbers, their bytes the other way round
        array = array.astype(array.dtype.newbyteorder("="))
    kind = dtype_fault(array.dtype, format)
    if kind:
        return _fault("SC403", kind)
    kept = array.shape != shape
    if kept and not (array.size == math.prod(shape) and _squeezed(array.shape) == _squeezed(shape)):
        return _fault("SC402", f"returned shape {array.shape}, expected {shape}")
    wider = "" if array.dtype == format.dtype else array.dtype.name
    return Reading(narrowed(array.reshape(shape), format), None, wider, kept)


def read_numbers(arrays: list[Array | Raised], shape: tuple[int, ...], format: Format) -> Reading:
    """The results of calls number by number, put together in this shape."""
    kinds = {array.dtype for array in arrays if not isinstance(array, Raised)}
    if len(kinds) == 1 and all(not isinstance(a, Raised) and a.shape == () for a in arrays):
        return read(np.array(arrays).reshape(shape), shape, format)
    readings = [read(array, (), format) for array in arrays]
    values = np.empty(len(readings))
    for place, reading in enumerate(readings):
        if reading.values is None:
            return reading
        values[place] = reading.values[()]
    wider = next((reading.wider for reading in readings if reading.wider), "")
    return Reading(values.reshape(shape), None, wider, any(reading.kept for reading in readings))


def _fault(code: str, text: str) -> Reading:
    return Reading(None, Fault(code, -1, text))


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def dtype_fault(dtype: np.dtype[Any], format: Format) -> str:
    """Why this dtype cannot hold the format's values; "" when it can."""
    if dtype == format.dtype or dtype == np.longdouble:
        return ""
    try:
        got = formats.get(dtype)
    except UsageError:
        return f"returned dtype {dtype}, expected {format.name}"
    wide = got.precision >= format.precision and got.emin <= format.emin and got.emax >= format.emax
    return "" if wide else f"returned dtype {dtype}, which does not hold {format.name}"


def narrowed(values: Array, format: Format) -> Floats:
    """Values of a dtype at least as wide, rounded once to the format, held as float64 (a copy)."""
    if values.dtype == format.dtype:
        return Format.widen(values)
    if values.dtype.itemsize > 8 and format.name != "bfloat16":
        with np.errstate(over="ignore", under="ignore"):
            return values.astype(format.dtype).astype(np.float64)  # long double: straight to the format
    return Format.widen(format.round_array(values.astype(np.float64)))
