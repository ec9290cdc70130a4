"""What every backend does: NumPy arrays in, its own arrays for the target, NumPy arrays back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.targets.layouts import LAYOUTS, Layout

Array = npt.NDArray[Any]


class NotNumbersError(TypeError):
    """A result that is no array of numbers; the text says what it is."""


class Backend:
    """NumPy itself, and the base of the others. `layouts` are those that its arrays can have."""

    name = "numpy"
    layouts: tuple[Layout, ...] = tuple(LAYOUTS)
    differentiates = False
    copies = False  # whether the target gets a copy of our array that it can write to

    def __init__(self, device: str | None = None) -> None:
        self.device = device

    @contextlib.contextmanager
    def session(self, format: Format, function: Any = None) -> Iterator[None]:
        """Whatever must hold while the target runs (no gradients, 64-bit mode); put back at the end."""
        yield

    def load(self, values: Array) -> Any:
        """The array as the target gets it; a number (0-d) as a scalar of its dtype."""
        return values if values.ndim else values[()]

    def dump(self, result: Any) -> Array:
        """The result as a NumPy array, sharing memory where possible; NotNumbersError for None, strings, ...

        A Python float is an array of float64, an int of int64; a list of floats, as plain Python makes it, is
        an array as well.
        """
        if isinstance(result, np.ndarray | np.generic | bool | int | float | complex):
            return np.asarray(result)
        if hasattr(result, "__array__"):
            return np.asarray(result)
        if isinstance(result, list) and result and _of_floats(result):
            return np.asarray(result)
        raise NotNumbersError(_what(result))

    def rows_for(self, rows: int) -> int:
        """How many rows a batch of so many is padded to (with copies of its last row)."""
        return rows

    def write_back(self, loaded: Any, values: Array) -> None:
        """What the target did to its input, where that is not our array itself."""

    def gradient(self, value: Callable[[Any], Any], point: Any, cotangent: Any) -> Any:
        """The vector-Jacobian product of `value` at `point`; cotangent None means all ones."""
        raise NotImplementedError

    def loads(self, format: Format) -> bool:
        """Whether arrays of this format exist here."""
        return True

    def notes(self, format: Format) -> tuple[str, ...]:
        """What a reader of the report should know about this backend."""
        return ()

    def flushes(self, format: Format) -> bool:
        """Whether multiplication turns subnormal results or inputs to zero (SC901).

        tiny / 2 is a subnormal result; eta * 2^(precision + 1) is a normal result of a subnormal input.
        """
        pair = [format.tiny, format.eta]
        by = [0.5, 2.0 ** (format.precision + 1)]
        with self.session(format):
            a, b = self.load(format.round_array(pair)), self.load(format.round_array(by))
            return bool((Format.widen(self.dump(a * b)) == 0.0).any())


def _of_floats(result: list[Any]) -> bool:
    """Whether this is a list of floats, or of lists of floats that are equally long."""
    if all(isinstance(row, list) for row in result):
        return len({len(row) for row in result}) == 1 and all(row and _of_floats(row) for row in result)
    return all(isinstance(number, float | np.floating) for number in result)


def _what(result: Any) -> str:
    if result is None:
        return "returned None"
    if isinstance(result, str | bytes):
        return f"returned {result!r:.40}"
    kind = type(result).__name__
    article = "an" if kind[:1] in "aeiou" else "a"
    return f"returned {article} {kind}, not an array"
