"""Evaluating an op's gates for a block: in float64 where that is sure, else in mpf.

accurate = the stable gate and also
error <= A u (1 + s(n)/8) (|r| + sum_j |dr/dx_j . x_j|) + half an ulp + 2 eta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.findings import Level
from stabcheck.formats import Format
from stabcheck.ops.context import Context, Value
from stabcheck.ops.op import GateConstants, Gates, Op, that_matter
from stabcheck.oracle.conditioning import conditioning_gates
from stabcheck.oracle.doubles import EXTENDED, DoubleContext
from stabcheck.oracle.enclosure import NO_EXPONENT, Enclosure
from stabcheck.oracle.reals import RealContext
from stabcheck.oracle.scaled import InUnits, Scaled, all_finite, shift
from stabcheck.oracle.truth import Placed

Array = npt.NDArray[Any]

#: A gate evaluated in mpf is the gate, widened by this much: errors of a whole number of subnormal steps
#: less a trifle meet gates of as many steps, and must not hang on the last bit of either.
MPF_MARGIN = 1e-12
MPF_PRECISION = 160

#: An ulp of the smallest subnormal number times 2 to this is more than twice every stated number of steps.
_STEPS = 8

#: Units in which both 2^-1074 and 2^100 are ordinary numbers.
_LEAST_UNIT = -900

#: Gates in mpf have none.
_NO_SLACK: npt.NDArray[np.float64] = np.asarray(0.0)

#: In a gate a masked logit is a very negative one: its weight is 0 and 0 * d stays 0.
_MASK = 2.0**1000
#: Beside finite numbers that come near it, the largest float64 stands for infinity.
_NEAR_MASK = 2.0**990


#: Where nothing is known of the conditioning no digit is asked for: half of the truth, so that only a
#: failure of category (NaN, infinite, finite) is beyond it.
ROBUST_ONLY = Gates(lambda k, c, y, *_arguments, **_options: 0.5 / c.u, relative=True)


def robust_only(op: Op) -> bool:
    """Whether only the codes that break `robust` are judged (see `conditioning.differentiable`)."""
    return max(op.judged_levels) == Level.ROBUST


def stand_in(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs with infinities replaced by finite numbers of no weight, NaN by 0."""
    return {name: a if a.dtype.kind == "i" else _finite(a) for name, a in inputs.items()}


def _finite(a: Array) -> Array:
    if all_finite(a):
        return a
    finite = np.isfinite(a)
    largest = float(np.max(np.abs(a), initial=0.0, where=finite))
    mask = _MASK if largest < _NEAR_MASK else float(np.finfo(np.float64).max)
    return np.nan_to_num(a, nan=0.0, posinf=mask, neginf=-mask)


def evaluate(
    op: Op,
    fmt: Format,
    inputs: Mapping[str, Array],
    options: Mapping[str, Any],
    enclosure: Enclosure,
    placed: Placed,
    factor: float,
    digits: int | None,
) -> tuple[Scaled, Scaled, npt.NDArray[np.float64]]:
    """(stable gate, accurate gate, relative slack) for every output element of the block.

    `factor` widens both gates. With `digits` the gates are evaluated in mpf of so many bits (at least
    `MPF_PRECISION`; gates that an op declares need no more); otherwise in float64, and in long double where
    they leave its range. Where that is of no help an element gets what the gate is at least, as its terms are
    >= 0 and the correct rounding is inside every gate: half an ulp, or the allowance for underflow where that
    counts for more (and an infinite slack; a negative one where only the accurate gate is not known). Such a
    bound clears elements, no more. Callers silence NumPy's warnings around it.
    """
    asked = _Asked(op, fmt, stand_in(inputs), that_matter(options), enclosure, placed)
    if digits is not None:
        size = Scaled.of(np.abs(placed.head), placed.unit)
        reals = RealContext(max(digits, MPF_PRECISION) if op.gates is None else MPF_PRECISION)
        # A truth without a value is NaN here and not judged.
        y = reals.array(_midpoint(enclosure)) if _in_range(enclosure) else reals.enclosed(enclosure)
        stable, accurate = _gates(asked, reals, y, size, scaled_reals)
        slack = _NO_SLACK
        factor *= 1 + MPF_MARGIN
    else:
        size = _size(placed)
        y = _midpoint(enclosure)
        if not all_finite(enclosure.head):  # infinities are exact: no gate is asked for there
            y = np.where(np.isfinite(enclosure.head), y, _finite(y))
        stable, accurate = _gates(asked, DoubleContext(), y, size)
        slack = np.asarray(op.gates.slack if op.gates is not None else Gates.slack)
        if not all_finite(enclosure.head):
            exact = ~np.isfinite(enclosure.head)
            stable, accurate = (gate.where(~exact, gate.like(1.0)) for gate in (stable, accurate))
        told = all_finite(stable.mantissa) and all_finite(accurate.mantissa)
        if not (told and (fmt.narrow or all_finite(y))):
            stable, accurate, slack = _made_sure(asked, y, stable.owned(), accurate.owned(), slack)
    if factor != 1:
        stable, accurate = stable.times(factor), accurate.times(factor)
    if fmt.narrow:
        stable, accurate = (InUnits(gate.floats(), NO_EXPONENT) for gate in (stable, accurate))
    if accurate.mantissa is stable.mantissa:
        accurate = accurate.owned()
    return stable.whole(placed.head.shape), accurate.whole(placed.head.shape), slack


@dataclass(frozen=True)
class _Asked:
    """What the gates of a block depend on, beside the arithmetic; the inputs are finite, the options those
    that matter."""

    op: Op
    fmt: Format
    inputs: Mapping[str, Array]
    options: Mapping[str, Any]
    enclosure: Enclosure
    placed: Placed

    def take(self, rows: npt.NDArray[np.int64]) -> _Asked:
        """The same for some examples."""
        inputs = {name: a[rows] for name, a in self.inputs.items()}
        return replace(self, inputs=inputs, enclosure=self.enclosure[rows], placed=self.placed[rows])


def _made_sure(
    asked: _Asked,
    y: npt.NDArray[np.float64],
    stable: Scaled,
    accurate: Scaled,
    slack: npt.NDArray[np.float64],
) -> tuple[Scaled, Scaled, npt.NDArray[np.float64]]:
    """The gates and their slack, those of examples that float64 does not tell put in place."""
    told = np.isfinite(stable.mantissa) & np.isfinite(accurate.mantissa) & np.isfinite(y)
    rows = np.flatnonzero(~told.all(axis=tuple(range(1, told.ndim))))
    few = stable[rows].normalised(), accurate[rows].normalised()
    surely_stable, surely_accurate, relative = _where_sure(asked.take(rows), y[rows], *few, slack)
    stable.put(rows, surely_stable)
    accurate.put(rows, surely_accurate)
    if relative.ndim:
        slack = np.full(told.shape, slack)
        slack[rows] = relative
    return stable, accurate, slack


def _where_sure(
    asked: _Asked,
    y: npt.NDArray[np.float64],
    stable: Scaled,
    accurate: Scaled,
    relative: npt.NDArray[np.float64],
) -> tuple[Scaled, Scaled, npt.NDArray[np.float64]]:
    """The gates and their slack where float64 tells them, in long double where only that does, and elsewhere
    what they are at least."""
    known = np.isfinite(stable.mantissa) & np.isfinite(y)
    sure = known & np.isfinite(accurate.mantissa)
    if EXTENDED is not None:
        stable, accurate, known, sure = _extended(asked, EXTENDED)
    if sure.all():
        return stable, accurate, relative
    placed = asked.placed
    half = Scaled.of(np.broadcast_to(0.5 * placed.step, sure.shape), placed.unit)
    least = _least(asked.op, asked.fmt).where(placed.ulp <= asked.fmt.eta * 2.0**_STEPS, half)
    stable = stable.where(known, least)
    accurate = accurate.where(sure, stable.minimum(half))
    return stable, accurate, np.where(sure, relative, np.where(known, -relative, np.inf))


def _extended(
    asked: _Asked, k: DoubleContext
) -> tuple[Scaled, Scaled, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The gates in floats of a wider range, which stable ones are known, and which are known both."""

    def scaled(value: Value) -> Scaled:
        mantissa, exponent = np.frexp(k.floats(value))
        return Scaled.of(mantissa, exponent)

    enclosure, placed = asked.enclosure, asked.placed
    y = np.ldexp(k.floats(enclosure.head), np.clip(enclosure.exponent, -9999, 9999))
    stable, accurate = _gates(asked, k, y, Scaled.of(np.abs(placed.head), placed.unit), scaled)
    known = np.isfinite(stable.mantissa) & np.isfinite(y)
    return stable, accurate, known, known & np.isfinite(accurate.mantissa)


def _least(op: Op, fmt: Format) -> Scaled:
    """What the stable gate is at least: its steps for underflow where the op states a number of them."""
    steps = op.gates.underflow if op.gates is not None else Gates.underflow
    return Scaled.of(0.0 if callable(steps) else steps, fmt.etamin)


def _size(placed: Placed) -> InUnits:
    """|r| in the truth's own units, or in larger ones where a gate of 1 would leave the range of float64."""
    units = np.maximum(placed.unit, _LEAST_UNIT)
    return InUnits(shift(np.abs(placed.head), placed.unit - units), units)


def _in_range(enclosure: Enclosure) -> bool:
    return bool(np.all(np.abs(enclosure.exponent) < 900))


def _midpoint(enclosure: Enclosure) -> npt.NDArray[np.float64]:
    return shift(enclosure.head, enclosure.exponent)


def _gates(
    asked: _Asked,
    k: Context,
    y: Value,
    size: Scaled,
    scaled: Callable[[Value], Scaled] | None = None,
) -> tuple[Scaled, Scaled]:
    """The gates as numbers of the kind of `size`; `scaled` makes such of the context's values, unless these
    are float64 themselves."""
    op, fmt, inputs, options = asked.op, asked.fmt, asked.inputs, asked.options
    constants, placed = GateConstants(fmt), asked.placed
    shape = size.mantissa.shape

    def floats(value: Value) -> npt.NDArray[np.float64]:
        """A value in lifted form as an array that broadcasts to the output's shape."""
        if scaled is not None:
            return spread(value).floats()
        numbers = np.asarray(value, dtype=np.float64)
        return numbers.reshape(numbers.shape[: len(shape)])

    def spread(value: Value) -> Scaled:
        """The same, beyond the range of float64 too."""
        if scaled is None:
            return size.like(floats(value))
        return scaled(value).spread(np.broadcast_shapes(np.shape(value), lifted)).reshape(*shape)

    def steps(count: Value) -> Scaled:
        """So many subnormal steps."""
        if scaled is None or isinstance(count, (int, float)):
            numbers = np.asarray(count, dtype=np.float64)
            return size.like(numbers.reshape(numbers.shape[: len(shape)]), fmt.etamin)
        return spread(count).shifted(fmt.etamin)

    lifted = shape + (1,) * (0 if op.kind == "elementwise" else op.rank - len(op.output))
    y = y.reshape(lifted)
    arguments = op.lift(k, inputs)
    gates = ROBUST_ONLY if robust_only(op) else op.gates or conditioning_gates(op, k, inputs, options)
    n = reduced_length(op, inputs)

    bounds = gates.stable(k, constants, y, *arguments, **options)
    if gates.relative:
        # Capped at one half, so that zero never passes for a normal truth.
        bound = size.times(np.minimum(floats(bounds) * fmt.u, 0.5))
    else:
        bound = spread(bounds).times(fmt.u)
    if callable(gates.underflow):  # more than the roundings of one result: terms of a sum, factors
        counted = gates.underflow(k, constants, y, *arguments, **options)
        lost = least = steps(counted)
    else:
        lost, least = steps(gates.underflow), steps(2.0)
    stable = bound + lost
    if gates.bounded is not None:
        condition = spread(k.abs(gates.bounded(k, constants, y, *arguments, **options)))
    elif gates.conditioning is not None:
        condition = spread(k.abs(gates.conditioning(k, y, *arguments, **options)))
    else:
        return stable, stable
    growth = constants.A * fmt.u * (1 + constants.s(n) / 8)
    allowance = (size + condition).times(growth) + size.like(0.5 * placed.step, placed.unit)
    return stable, stable.minimum(allowance + least)


def underflow_steps(
    op: Op, fmt: Format, inputs: Mapping[str, Array], options: Mapping[str, Any], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How many numbers that underflowed an output element may lack, in float64; `y` is the truth, near
    enough. At least 2; an element whose count leaves the range of float64 gets 2."""
    stated = op.gates.underflow if op.gates is not None else Gates.underflow
    steps: Any = stated
    if callable(stated):
        k = DoubleContext()
        lifted = y.shape + (1,) * (0 if op.kind == "elementwise" else op.rank - len(op.output))
        arguments = op.lift(k, stand_in(inputs))
        with np.errstate(all="ignore"):
            counted = stated(k, GateConstants(fmt), y.reshape(lifted), *arguments, **that_matter(options))
        full = np.broadcast_shapes(np.shape(counted), lifted)
        steps = op.squeeze(np.broadcast_to(counted, full))
    return np.asarray(np.fmax(np.where(np.isinf(steps), 2.0, np.broadcast_to(steps, y.shape)), 2.0))


def reduced_length(op: Op, inputs: Mapping[str, Array]) -> int:
    """n of s(n) in the accurate gate: what one example sums over."""
    if op.kind == "elementwise":
        return 1
    shape = max((inputs[a.name].shape[1:] for a in op.arguments), key=len)
    return max(sum(shape), 1)


def scaled_reals(value: Value) -> Scaled:
    """An object array of mpf as mantissas and exponents, rounded to float64 mantissas."""
    array = np.asarray(value, dtype=object)
    mantissa = np.empty(array.shape, dtype=np.float64)
    exponent = np.zeros(array.shape, dtype=np.int64)
    for place, number in np.ndenumerate(array):
        sign, man, exp, bits = number._mpf_ if hasattr(number, "_mpf_") else (0, 0, 0, 0)
        if not man and exp:  # mpmath's encoding of infinities and NaN
            mantissa[place] = float(number)
            continue
        if not man:
            mantissa[place] = 0.0 if hasattr(number, "_mpf_") else float(number)
            continue
        surplus = max(int(bits) - 60, 0)
        mantissa[place] = float(-(int(man) >> surplus) if sign else int(man) >> surplus)
        exponent[place] = max(min(int(exp) + surplus, 1 << 59), -(1 << 59))
    return Scaled.of(mantissa, exponent)
