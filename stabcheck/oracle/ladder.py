"""The ladder: cheap enclosures first, the mpmath authority last, and no verdict without a proof.

Rungs, from the ground: balls (vectorised; float64 midpoints for formats of 32 bits and less, double-double
midpoints for all), intervals with growing precision. An example climbs only when some verdict about it is
open. The authority evaluates the textbook's formula; lower rungs evaluate its `fast` twin where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import Op, that_matter
from stabcheck.oracle import gates
from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.dd_balls import DDBallContext
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.intervals import IntervalContext
from stabcheck.oracle.scaled import all_finite, writeable
from stabcheck.oracle.truth import Kind, Truth, place

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

#: Precisions of the authority, in bits. LSE([0, -700]) in the textbook's form needs 1 536; exponents of
#: the largest float64 need 1 024 bits more than their digits.
PRECISIONS = (160, 320, 640, 1280, 2560, 5120)
#: Radius, in ulps, at which the authority stops on its own when nobody asks for more.
SETTLED = 2.0**-30


class Carrier(Context, Protocol):
    """A context that can hand on an enclosure."""

    def enclosure(self, value: Value) -> Enclosure: ...


@dataclass(frozen=True)
class Rung:
    """One way of enclosing: `name` is what the report counts by."""

    name: str
    context: Carrier
    fast: bool
    digits_of_gates: int | None  # bits of the mpf in which gates are evaluated; None: in float64


def rungs_for(fmt: Format) -> tuple[Rung, ...]:
    """The ladder of a format."""
    first = PRECISIONS[0]
    light = Rung("balls", BallContext64(), fast=True, digits_of_gates=None)
    heavy = Rung("double-double balls", DDBallContext(), fast=True, digits_of_gates=None)
    # Gates in mpf cost more than the truth: the first intervals take those of float64 too, and what these
    # cannot tell climbs once more.
    intervals = tuple(
        Rung(f"intervals({p})", IntervalContext(p), fast=False, digits_of_gates=None if p == first else p)
        for p in PRECISIONS
    )
    return (light, heavy, *intervals) if fmt.precision <= 24 else (heavy, *intervals)


@dataclass(frozen=True)
class Oracle:
    """Truths of one op under one set of options, in one format.

    `gate_factor` widens (or narrows) the gates. Inputs of every method are blocks: arrays of the format
    (class indices int64) whose first axis counts examples.
    """

    op: Op
    format: Format
    options: Mapping[str, Any]
    gate_factor: float = 1.0

    @cached_property
    def rungs(self) -> tuple[Rung, ...]:
        return rungs_for(self.format)

    @cached_property
    def _textbook(self) -> int:
        """The first rung on which the textbook's formula is evaluated."""
        return next(i for i, rung in enumerate(self.rungs) if not rung.fast)

    def truth(self, inputs: Mapping[str, Array]) -> Truth:
        """The truth as the lowest rung knows it; of rows without a class only the textbook's formula
        knows anything (a maximum of nothing shifts nothing)."""
        empty = any(a.size == 0 for a in inputs.values())
        return self._at(self._textbook if empty else 0, inputs)

    def sharpen(self, truth: Truth, inputs: Mapping[str, Array], rows: Ints) -> Ints:
        """Climb one rung with these examples, in place; returns those that could climb.

        For an elementwise op give `truth.by_element()` and inputs of shape (N, 1).
        """
        climbing = rows[truth.rung[rows] < len(self.rungs) - 1]
        for rung in np.unique(truth.rung[climbing]):
            group = climbing[truth.rung[climbing] == rung]
            truth.put(group, self._at(int(rung) + 1, _rows(inputs, group)))
        return climbing

    def authority(self, inputs: Mapping[str, Array]) -> Truth:
        """The textbook's formula on intervals, until every element is settled or the limit is reached."""
        whole = self._at(self._textbook, inputs)
        truth = whole
        if self.op.kind == "elementwise":
            truth = whole.by_element()
            inputs = by_element(inputs)
        while True:
            unsettled = (truth.radius > SETTLED * truth.step) & (truth.kind == Kind.NUMBER)
            open_rows = np.flatnonzero(_any_per_row(unsettled))
            if not self.sharpen(truth, inputs, open_rows).size:
                return whole

    def rounded(self, inputs: Mapping[str, Array]) -> npt.NDArray[np.float64]:
        """The correct rounding of the truth to the format, as float64; NaN where nothing is judged."""
        truth = self.authority(inputs)
        values = truth.rounded.copy()
        values[truth.kind >= Kind.NAN] = np.nan
        return values

    def convention(self, name: str, inputs: Mapping[str, Array], truth: Truth) -> npt.NDArray[np.bool_]:
        """The elements of a block that are not judged for the reason of that name."""
        arguments = [_widened(inputs[a.name]) for a in self.op.arguments]
        masks = self.op.conventions(*arguments, **that_matter(self.options))
        taste = truth.kind == Kind.CONVENTION
        return np.asarray(taste & _spread_rows(masks[name], taste.shape) if name in masks else taste)

    # -- one rung ----------------------------------------------------------------------------------

    def _at(self, rung: int, inputs: Mapping[str, Array]) -> Truth:
        with np.errstate(all="ignore"):
            return self._enclosed(rung, inputs)

    def _enclosed(self, rung: int, inputs: Mapping[str, Array]) -> Truth:
        how = self.rungs[rung]
        exact = {name: _widened(a, self.op.kind != "elementwise") for name, a in inputs.items()}
        fed_nan, taste, names = self._specials(exact)
        clean = exact if fed_nan is None else {name: _without_nan(a) for name, a in exact.items()}
        enclosure = how.context.enclosure(self.op.evaluate(how.context, clean, self.options, fast=how.fast))
        enclosure = _squeezed(self.op, enclosure)
        placed = place(enclosure, self.format)
        stable, accurate, slack = gates.evaluate(
            self.op,
            self.format,
            clean,
            self.options,
            enclosure,
            placed,
            self.gate_factor,
            how.digits_of_gates,
        )
        kind = np.zeros_like(placed.head, dtype=np.int8)
        if not all_finite(enclosure.head):
            infinite = np.isinf(enclosure.head) & (enclosure.radius == 0)
            kind[infinite & (enclosure.head > 0)] = Kind.PLUS_INFINITY
            kind[infinite & (enclosure.head < 0)] = Kind.MINUS_INFINITY
            no_value = np.isnan(enclosure.head) & (enclosure.radius == 0)
            kind[no_value] = Kind.CONVENTION
            for known in (taste, fed_nan):
                no_value = no_value if known is None else no_value & ~known
            if no_value.any():
                names.append("formula has no value")
        if taste is not None:
            kind[taste] = Kind.CONVENTION
        if fed_nan is not None:
            kind[fed_nan] = Kind.NAN
        return Truth(
            self.format,
            kind,
            _own(placed.head),
            _own(placed.tail),
            _own(placed.radius),
            _own(placed.unit),
            _own(placed.step),
            stable,
            accurate,
            slack,
            np.full(kind.shape if self.op.kind == "elementwise" else kind.shape[:1], rung, dtype=np.int8),
            names,
            (self.op.gates is None or self.op.gates.relative) and not gates.robust_only(self.op),
            gates.robust_only(self.op),
        )

    def _specials(
        self, inputs: Mapping[str, Array]
    ) -> tuple[npt.NDArray[np.bool_] | None, npt.NDArray[np.bool_] | None, list[str]]:
        """(elements that a NaN input feeds, elements without an agreed answer, those conventions' names);
        None: no element."""
        shape = self.op.output_shape({name: a.shape for name, a in inputs.items()})
        arguments = [inputs[a.name] for a in self.op.arguments]
        nan = taste = None
        for values in arguments:
            if values.dtype.kind in "iu" or all_finite(values) or not np.isnan(values).any():
                continue
            nan = np.zeros(shape, dtype=bool) if nan is None else nan
            if self.op.kind == "elementwise":
                nan |= np.broadcast_to(np.isnan(values), shape)
            else:
                nan |= _spread_rows(_any_per_row(np.isnan(values)), shape)
        if self.op.feeds is not None and nan is not None:
            # What shares its example with a NaN but is not fed by it may be NaN too: not judged.
            fed = nan & self.op.feeds(*arguments, **that_matter(self.options))
            taste, nan = nan & ~fed, fed
        conventions = self.op.conventions(*arguments, **that_matter(self.options))
        names = []
        for name, mask in conventions.items():
            if mask.any():
                names.append(name)
                here = _spread_rows(mask, shape)
                taste = here.copy() if taste is None else taste | here
        return nan, taste, names


def by_element(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The arguments of an elementwise op as examples of one element, shape (N, 1)."""
    return {name: a.reshape(-1, 1) for name, a in inputs.items()}


def _widened(values: Array, rows: bool = False) -> Array:
    """Class indices as they are, everything else as float64. Of `rows` with few classes the memory is laid
    out with the classes outermost, so that inner loops of reductions and broadcasts are long."""
    if values.dtype.kind in "iu":
        return values
    if rows and values.ndim > 1 and values.shape[-1] ** 2 < values.size:
        outermost = np.ascontiguousarray(np.moveaxis(values, -1, 0), dtype=np.float64)
        return np.moveaxis(outermost, 0, -1)
    return np.asarray(values).astype(np.float64)


def _without_nan(values: Array) -> Array:
    return values if values.dtype.kind in "iu" else np.where(np.isnan(values), 0.0, values)


def _own(part: Array) -> Array:
    """A part of a truth: what is not alike for all elements may be written to, element after element."""
    return part if part.ndim == 0 else writeable(part)


def _rows(inputs: Mapping[str, Array], rows: Ints) -> dict[str, Array]:
    return {name: a[rows] for name, a in inputs.items()}


def _any_per_row(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.asarray(mask.any(axis=tuple(range(1, mask.ndim))))


def _spread_rows(mask: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """A mask per example (or per leading axes of the output) over the whole output."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (len(shape) - mask.ndim)), shape)


def _squeezed(op: Op, e: Enclosure) -> Enclosure:
    return Enclosure(
        op.squeeze(np.asarray(e.head)),
        op.squeeze(np.asarray(e.tail)),
        op.squeeze(np.asarray(e.exponent)),
        op.squeeze(np.asarray(e.radius)),
        None if e.beyond is None else op.squeeze(e.beyond),
    )
