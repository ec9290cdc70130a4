"""Shrinking: from any failing example to the fewest classes, then to the simplest numbers.

Candidates of one shape are tried together, as one block. `shows(candidates)` tells for each whether it
still shows the same code; everything returned has been shown to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.ops.op import Argument, Op
from stabcheck.oracle.remembered import by_value

Array = npt.NDArray[Any]
Inputs = dict[str, Array]
Shows = Callable[[Sequence[Inputs]], Sequence[bool]]

#: Rows longer than this are simplified as a whole, not number by number.
_BY_NUMBER = 12
#: How much larger the numbers of fewer classes are tried.
_LARGER = (2.0, 4.0, 16.0)
#: Copies of an element that a vectorised kernel may take at once.
_REGISTERS = (2, 4, 8, 16, 32, 64)
#: Rows longer than this are first made equal and then shortened from the ends.
_LONG = 128
#: Numbers of each argument that are looked at to tell which of two examples is the simpler.
_LOOKED_AT = 256
#: Batches of candidates that one shrink may try.
BUDGET = 160


@dataclass
class Shrinker:
    """Shrinks examples of one op. `allowed` bounds the finite numbers of each argument (domain, --range)."""

    op: Op
    format: Format
    shows: Shows
    allowed: dict[str, tuple[float, float]]
    budget: int = BUDGET
    points: int = 24  # numbers tried at once: where a call takes them all, many cost no more than a few
    tried: int = 0
    known: dict[tuple[object, ...], bool] = field(default_factory=dict)  # by value

    def shrink(self, inputs: Inputs, index: tuple[int, ...]) -> Inputs:
        """The smallest example found; `index` is the output element that failed."""
        best = inputs
        if self.op.kind == "elementwise":
            best = self._one_element(best, index)
        else:
            if max(a.size for a in best.values()) > _LONG:
                best = self._whole(best)  # all equal: then only the length is left to find
            for axis in self._axes():
                best = self._fewer(best, axis, index)
        for _ in range(4):
            before = _cost(best)
            best = self._whole(best)
            best = self._numbers(best)
            if self.op.kind != "elementwise":
                for axis in self._axes():
                    best = self._fewer(best, axis, index)
            if _cost(best) >= before:
                break
        return best

    # -- trying ------------------------------------------------------------------------------------

    def _first(self, candidates: Iterable[Inputs]) -> Inputs | None:
        """The first of these (all of one shape) that still shows the code."""
        batch = [(by_value(c), c) for c in candidates]
        fresh = {key: c for key, c in batch if key not in self.known}
        if fresh:
            if self.tried >= self.budget:
                return None
            self.tried += 1
            self.known.update(zip(fresh, self.shows(list(fresh.values())), strict=True))
        return next((c for key, c in batch if self.known[key]), None)

    # -- fewer classes -----------------------------------------------------------------------------

    def _axes(self) -> list[str]:
        return list(dict.fromkeys(axis for a in self.op.arguments for axis in a.axes))

    def _length(self, inputs: Inputs, axis: str) -> int:
        a = next(a for a in self.op.arguments if axis in a.axes)
        return int(inputs[a.name].shape[a.axes.index(axis)])

    def _keep(self, inputs: Inputs, axis: str, kept: Sequence[int]) -> Inputs | None:
        """Only these positions of an axis; None where a class index would point nowhere."""
        out: Inputs = {}
        for a in self.op.arguments:
            value = inputs[a.name]
            if axis in a.axes:
                value = np.take(value, list(kept), axis=a.axes.index(axis))
            if a.integer and axis == "C":
                moved = {old: new for new, old in enumerate(kept)}
                flat = [moved.get(int(v), int(v) if v < 0 else None) for v in np.ravel(value)]
                if any(v is None for v in flat):
                    return None
                value = np.array(flat, dtype=value.dtype).reshape(value.shape)
            out[a.name] = value
        return out

    def _try_keep(self, inputs: Inputs, axis: str, subsets: Iterable[Sequence[int]]) -> Inputs | None:
        made = (self._keep(inputs, axis, s) for s in subsets)
        return self._first(m for m in made if m is not None)

    def _larger(self, inputs: Inputs, axis: str, subsets: Sequence[Sequence[int]]) -> Inputs | None:
        """Only these positions, their numbers larger: a mean of fewer takes more to be as large."""
        argument = self._real()[0]
        kept = [m for m in (self._keep(inputs, axis, s) for s in subsets) if m is not None]
        values = [np.asarray(m[argument.name]).astype(np.float64) for m in kept]
        with np.errstate(over="ignore", invalid="ignore"):
            larger = [(m, v * k) for k in _LARGER for m, v in zip(kept, values, strict=True)]
        return self._first(made for m, v in larger for made in self._with(m, argument, [v]))

    def _fewer(self, inputs: Inputs, axis: str, index: tuple[int, ...]) -> Inputs:
        n = self._length(inputs, axis)
        if n <= 1:
            return inputs
        marked = self._marked(inputs, axis, index)
        singles: Sequence[int] = range(n) if n <= 64 else marked
        small = self._try_keep(inputs, axis, [(i,) for i in singles])
        if small is None and n > 2:
            pairs = [(i, j) for i in marked for j in (range(n) if n <= 64 else marked) if i != j]
            small = self._try_keep(inputs, axis, [tuple(sorted(p)) for p in pairs])
        if small is None and n > 2:
            small = self._larger(inputs, axis, [(i,) for i in marked])
        if small is None and n > 2:
            small = self._larger(inputs, axis, [(i, j) for i in marked for j in marked if i < j])
        if small is not None:
            return small
        return self._shorter(inputs, axis) if n > _LONG else self._bisect(inputs, axis)

    def _marked(self, inputs: Inputs, axis: str, index: tuple[int, ...]) -> list[int]:
        """Positions worth keeping: the failing one, the extremes, the ends."""
        argument = next(a for a in self.op.arguments if axis in a.axes)
        place = argument.axes.index(axis)
        values = np.asarray(inputs[argument.name]).astype(np.float64)
        others = tuple(i for i in range(values.ndim) if i != place)
        clean = np.nan_to_num(values, nan=0.0)
        line = clean.max(axis=others) if others else clean
        picked = [int(np.argmax(line)), int(np.argmin(line)), 0, len(line) - 1]
        picked += [i for i in index if i < len(line)]
        return list(dict.fromkeys(picked))

    def _shorter(self, inputs: Inputs, axis: str) -> Inputs:
        """A long row: the shortest stretch from either end, by bisection of its length."""
        best, low = inputs, 1
        while (n := self._length(best, axis)) - low > 1 and self.tried < self.budget:
            middle = (low + n) // 2
            halves = [range(middle), range(n - middle, n)]
            smaller = self._try_keep(best, axis, halves)
            if smaller is None:
                low = middle
            else:
                best = smaller
        return best

    def _bisect(self, inputs: Inputs, axis: str) -> Inputs:
        """Drop halves, quarters, ... single positions for as long as the code still shows."""
        best = inputs
        chunk = self._length(best, axis) // 2
        while chunk >= 1 and self.tried < self.budget:
            n = self._length(best, axis)
            starts = range(0, n, chunk)
            kept = [[i for i in range(n) if not s <= i < s + chunk] for s in starts if n % chunk == 0]
            kept += [] if kept else [list(range(chunk, n)), list(range(n - chunk))]
            smaller = self._try_keep(best, axis, kept[:32])
            if smaller is None:
                chunk //= 2
            else:
                best = smaller
                chunk = min(chunk, self._length(best, axis) // 2)
        return best

    def _one_element(self, inputs: Inputs, index: tuple[int, ...]) -> Inputs:
        size = next(iter(inputs.values())).size
        # Without an element to blame (a signal, an exception) each is tried.
        places = [index] if index else [(i,) for i in range(size)]
        singles = [{name: np.asarray(a[i]).reshape(1) for name, a in inputs.items()} for i in places]
        return self._first(singles) or (self._alike(inputs, index, size) if index else inputs)

    def _alike(self, inputs: Inputs, index: tuple[int, ...], size: int) -> Inputs:
        """As few copies of the element as show the code: a kernel for whole registers may go another way than
        that for single numbers."""
        for count in (n for n in _REGISTERS if n <= size):
            alike = {name: np.full(count, a[index]) for name, a in inputs.items()}
            if self._first([alike]) is not None:
                return alike
        return inputs

    # -- simpler numbers ---------------------------------------------------------------------------

    def _with(self, inputs: Inputs, argument: Argument, values: Sequence[Array] | Array) -> list[Inputs]:
        """The example with each of these in the argument's place, rounded to the format; those that leave the
        bounds or the range are left out."""
        if not len(values):
            return []
        shape = inputs[argument.name].shape
        exact = np.asarray(values, dtype=np.float64).reshape(len(values), math.prod(shape))
        low, high = self.allowed.get(argument.name, (-math.inf, math.inf))
        with np.errstate(over="ignore"):
            rounded = self.format.round_array(exact)
        lost = (exact < low) | (exact > high) | ~np.isfinite(self.format.widen(rounded))
        fitting = ~(np.isfinite(exact) & lost).any(axis=1)
        return [{**inputs, argument.name: row.reshape(shape)} for row in rounded[fitting]]

    def _real(self) -> list[Argument]:
        return [a for a in self.op.arguments if not a.integer]

    def _whole(self, inputs: Inputs) -> Inputs:
        """Changes to a whole argument at once: all zero, all equal, shifted, rounded."""
        best = inputs
        for a in self._real():
            x = np.asarray(best[a.name]).astype(np.float64)
            finite = x[np.isfinite(x)]
            if finite.size == 0 or x.size < 2:
                continue
            top = float(finite.max())
            with np.errstate(over="ignore", invalid="ignore"):
                options: list[Array] = [
                    np.zeros_like(x),
                    -x,
                    np.ones_like(x),
                    np.where(np.isfinite(x), 0.0, x),
                    np.full_like(x, top),
                    np.full_like(x, math.trunc(top)) if math.isfinite(top) else x,
                    np.rint(x - top),
                    np.trunc(x),
                    np.rint(x),
                    x - top,
                    np.where(x == top, top, 0.0),
                    np.where(x == finite.min(), x, 0.0),
                ]
            present = _cost(best)
            made = self._with(best, a, [o for o in options if not np.array_equal(o, x, equal_nan=True)])
            costs = [(_cost(m), m) for m in made]
            simpler = sorted((pair for pair in costs if pair[0] < present), key=lambda pair: pair[0])
            best = self._first(m for _, m in simpler) or best
        return best

    def _numbers(self, inputs: Inputs) -> Inputs:
        best = inputs
        for a in self._real():
            if self._in_step(best[a.name]):
                best = self._simplest(best, a, 0)
            for place in range(best[a.name].size) if best[a.name].size <= _BY_NUMBER else ():
                best = self._simplest(best, a, place)
        return best

    def _in_step(self, values: Array) -> bool:
        """Copies of one element change together."""
        return self.op.kind == "elementwise" and values.size > 1 and bool((values == values.flat[0]).all())

    def _replaced(self, inputs: Inputs, a: Argument, place: int, numbers: Sequence[float]) -> list[Inputs]:
        """The example with each of these numbers in this place of an argument."""
        x = np.asarray(inputs[a.name]).astype(np.float64).ravel()
        each = np.tile(x, (len(numbers), 1))
        changed = slice(None) if self._in_step(inputs[a.name]) else slice(place, place + 1)
        each[:, changed] = np.asarray(numbers)[:, None]
        return self._with(inputs, a, each)

    def _simplest(self, inputs: Inputs, a: Argument, place: int) -> Inputs:
        value = float(np.asarray(inputs[a.name]).astype(np.float64).ravel()[place])
        best = inputs
        best = self._first(self._replaced(best, a, place, _simpler(value))) or best
        value = float(np.asarray(best[a.name]).astype(np.float64).ravel()[place])
        # Toward zero on whole numbers: 4000 becomes 89 where 88.73 is the cliff.
        low, high = 0.0, abs(value)
        while math.isfinite(value) and high - low > 1 and self.tried < self.budget:
            held = self.format.widen(self.format.round_array(_grid(low, high, self.points)))
            grid = sorted({g for g in held.tolist() if low < g < high})  # rounding may reach either end
            shown = self._first(self._replaced(best, a, place, [math.copysign(g, value) for g in grid]))
            if shown is None:
                low = grid[-1] if grid else high
                if not grid or high - low <= 1:
                    break
                continue
            best = shown
            reached = abs(float(np.asarray(best[a.name]).astype(np.float64).ravel()[place]))
            low, high = max((g for g in grid if g < reached), default=low), reached
        return best


def _grid(low: float, high: float, points: int) -> list[float]:
    """About so many whole numbers strictly between, rising: geometric while the span is wide, then all of
    them."""
    if high - low <= points:
        all_of_them = range(math.floor(low) + 1, math.ceil(high))  # above 2^53 they may round to either end
        return sorted({float(p) for p in all_of_them if low < p < high})
    base = max(low, 1.0)
    ratio = high / base
    if ratio > 4:
        wide = math.log10(ratio) if ratio < math.inf else 308.0
        between = {math.floor(base * 10 ** (wide * i / points)) for i in range(1, points)}
    else:
        between = {math.floor(low + (high - low) / points * i) for i in range(1, points)}
    return sorted(float(p) for p in between if low < p < high)


def _digits(value: float, count: int) -> float:
    return float(f"{value:.{count - 1}e}")


def _simpler(value: float) -> list[float]:
    """Simpler numbers to stand for this one, simplest first."""
    if math.isnan(value):
        return [0.0, 1.0]
    if math.isinf(value):
        return [0.0, math.copysign(1.0, value), math.copysign(1000.0, value)]
    sign = math.copysign(1.0, value)
    options = [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 10 * sign, 20 * sign, 50 * sign, 100 * sign]
    options += [float(math.trunc(value)), math.trunc(value) + sign] if abs(value) < 1e17 else []
    options += [_digits(value, d) for d in (1, 2, 3, 4, 6)]
    options += [abs(value)]
    finite = filter(math.isfinite, options)  # 1.8e308 has no simpler form of one digit
    unique = dict.fromkeys(o for o in finite if complexity(o) < complexity(value))
    return sorted(unique, key=complexity)


def complexity(value: float) -> tuple[int, float]:
    """How hard a number is to read: zero, small whole numbers, whole numbers, few digits, many digits."""
    if value == 0:
        return (1 if math.copysign(1.0, value) < 0 else 0, 0.0)
    if not math.isfinite(value):
        return (3, 0.0)
    negative = 0.5 if value < 0 else 0.0
    if value == math.trunc(value) and abs(value) < 1e6:
        return (2, abs(value) + negative)
    digits = len(repr(abs(value)).split("e")[0].replace(".", "").strip("0"))
    return (3 + digits, abs(math.log10(abs(value))) + negative)


def _cost(inputs: Inputs) -> tuple[int, int, float]:
    """Fewest numbers first, then the simplest."""
    size = sum(a.size for a in inputs.values())
    floats = [a for a in inputs.values() if a.dtype.kind not in "iu"]
    values = [complexity(float(v)) for a in floats for v in np.ravel(a)[:_LOOKED_AT].astype(np.float64)]
    return (size, sum(c for c, _ in values), sum(m for _, m in values))
