"""Numbers as people read them: shortest digits that round-trip in their format, rows elided in the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_UP, Context, Decimal
from typing import Any

import numpy as np

from stabcheck import formats
from stabcheck.findings import Example

#: Elements of a row that are shown before its middle is left out.
SHOWN = 8

#: Integers below this are shown exactly: float16's 65504 is not 65500, though both round to it.
_EXACT = 1e7


def number(value: float | None, dtype: str = "float64") -> str:
    """Fewest digits that round to `value` in the format `dtype`; nan, inf, -inf and -0.0 as such.

    Text that Python reads back as a float of the same value once it is rounded to the format.
    """
    if value is None:
        return "nothing"
    value = float(value)
    if math.isnan(value) or math.isinf(value):
        return str(value)
    if value == 0.0:
        return "-0.0" if math.copysign(1.0, value) < 0 else "0"
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return _styled(_shortest(value, dtype))


def _shortest(value: float, dtype: str) -> str:
    if dtype != "float64" and dtype in formats.FORMATS:
        form = formats.get(dtype)
        for digits in range(1, 17):
            text = f"{value:.{digits}g}"
            if float(form.widen(form.round_array(float(text)))) == value:
                return text
    return repr(value)


def _styled(digits: str) -> str:
    """The same decimal number: written out from 0.0001 up to ten millions, else as 1.5e-07."""
    exact = Decimal(digits).normalize()
    if 1e-4 <= abs(exact) < _EXACT:
        return f"{exact:f}"
    mantissa, _, exponent = f"{exact:e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"


def percent(share: float) -> str:
    """A share in per cent: 100 %, 37 %, 4.2 %, 0.013 %."""
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"


def away(value: float, digits: int = 3) -> str:
    """`value` rounded away from zero to that many significant digits: 1.0004 is "1.01", never "1"."""
    if math.isnan(value) or math.isinf(value) or value == 0.0:
        return number(value)
    return _styled(str(Decimal(value).normalize(Context(prec=digits, rounding=ROUND_UP))))


def onset(value: float) -> str:
    """An onset rounded outward: three digits, a fourth where it is the first decimal (709.8, 88.8, 11.1).

    Whole numbers of up to five digits stay as they are.
    """
    value = float(value)
    if not math.isfinite(value) or (value.is_integer() and abs(value) < 1e5):
        return number(value)
    return away(value, 4 if abs(value) >= 100 else 3)


def count(value: int, noun: str = "", plural: str = "") -> str:
    """ "1 cell", "12,345 cells"."""
    text = f"{value:,}"
    if not noun:
        return text
    return f"{text} {noun if value == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """ "0.42 s", "12.3 s", "3 min 20 s"."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def array(values: Any, dtype: str = "", shown: int = SHOWN) -> str:
    """An array in brackets, its middle elided; where something was left out, the size follows: `n = 4096`."""
    given = np.asarray(values)
    name = dtype or given.dtype.name
    text = _nested(given, name, shown)
    if not elided(given, shown):
        return text
    size = f"n = {given.size}" if given.ndim == 1 else "shape " + " x ".join(map(str, given.shape))
    return f"{text}, {size}"


def elided(given: np.ndarray[Any, Any], shown: int = SHOWN) -> bool:
    """Whether `array` leaves elements out."""
    return any(length > shown for length in given.shape)


def _nested(given: np.ndarray[Any, Any], dtype: str, shown: int) -> str:
    if given.ndim == 0:
        return str(int(given)) if given.dtype.kind in "iub" else number(float(given), dtype)
    parts = [_nested(given[i], dtype, shown) for i in _kept(len(given), shown)]
    left = len(given) - len(parts)
    if left:
        parts.insert((len(parts) + 1) // 2, f"... {left:,} more ...")
    return "[" + ", ".join(parts) + "]"


def _kept(length: int, shown: int) -> Sequence[int]:
    if length <= shown:
        return range(length)
    head = shown // 2
    return [*range(head), *range(length - (shown - head - 1), length)]


def inputs(example: Example, dtype: str, shown: int = SHOWN) -> list[tuple[str, str]]:
    """Name and text of every argument of an example, in the op's order.

    Where elements are left out, the one that stands where the failing output stands is added.
    """
    texts = []
    for name, values in example.inputs.items():
        given, form = np.asarray(values), _form(values, dtype)
        text = array(given, form, shown)
        inside = len(example.index) == given.ndim > 0 and all(
            0 <= i < n for i, n in zip(example.index, given.shape, strict=True)
        )
        if elided(given, shown) and inside:
            text += f", {_nested(given[example.index], form, shown)}{place(example.index)}"
        texts.append((name, text))
    return texts


def _form(values: Any, dtype: str) -> str:
    name = np.asarray(values).dtype.name
    return name if name in formats.FORMATS else dtype


def place(index: tuple[int, ...]) -> str:
    """ " at [2]" for the output element, nothing for a single number."""
    return f" at [{', '.join(map(str, index))}]" if index else ""


def error(example: Example) -> str:
    """ "320000 ulps, ratio 17000 (gate: 1)"; empty where neither number says anything."""
    parts = []
    if not (math.isfinite(example.ulps) or math.isfinite(example.ratio)):
        return ""
    if not math.isnan(example.ulps):
        parts.append("1 ulp" if example.ulps == 1 else f"{away(example.ulps)} ulps")
    if not math.isnan(example.ratio):
        parts.append(f"ratio {away(example.ratio)} (gate: 1)")
    return ", ".join(parts)
