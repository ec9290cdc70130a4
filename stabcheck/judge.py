"""The judge: (what was got, what is true) -> codes and ratios, element by element. Pure.

Category before number; an infinity is scored as max + 1 ulp; nothing outside its gate is excused, nothing
inside is blamed. A verdict is given only where it is the same for every real in the enclosure and every
gate within its slack; everything else is *open* and asks the oracle to climb.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stabcheck.findings import CODES
from stabcheck.formats import Format
from stabcheck.oracle.scaled import Scaled, all_finite, shift
from stabcheck.oracle.truth import Kind, Truth

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Codes that the judge gives, as the small integers of `Verdict.code` (0: nothing found).
JUDGED = ("", "SC101", "SC102", "SC103", "SC104", "SC105", "SC201", "SC202", "SC203")
_NUMBER = {code: number for number, code in enumerate(JUDGED)}
#: The first code about digits; those after it carry the ratio of the accurate gate.
_DIGITS = _NUMBER["SC201"]

#: A subnormal answer below this share of the truth has underflowed.
SUNK = 2.0**-6

#: Relative error of an error computed in float64 (a subtraction of exact numbers and an addition).
_ROUNDOFF = 2.0**-50
#: Radius, in ulps, from which on an error is known too vaguely to be on record by its upper bound.
_VAGUE = 2.0**-7
#: Ratio below which it does not matter that the gate is known from below only.
_SILENT = 2.0**-20


@dataclass(eq=False)
class Verdict:
    """Per element: `code` (an index into `JUDGED`), `ratio` = error / gate (the stable gate, or the accurate
    one for SC202 and SC203), `ulps` = the error in ulps of the truth (both as large as is certain, where the
    enclosure is wide), `open` where the enclosure is too wide to tell, `judged` where there was something to
    judge.
    """

    code: npt.NDArray[np.int8]
    ratio: Floats
    ulps: Floats
    open: Bools
    judged: Bools

    def by_element(self) -> Verdict:
        """A view with one element per example; writing to it writes to this verdict."""
        return Verdict(*(getattr(self, name).reshape(-1, 1) for name in self.__dataclass_fields__))

    def put(self, rows: npt.NDArray[np.int64], other: Verdict) -> None:
        """Take over the rows of a later verdict."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[rows] = getattr(other, name)

    def any_per_row(self, mask: Bools) -> Bools:
        return np.asarray(mask.any(axis=tuple(range(1, mask.ndim))))


def may_show(code: str, got: Floats, fmt: Format) -> Bools:
    """The answers that would show this code if the truth were what it takes."""
    if code == "SC101":
        return np.isnan(got)
    if code == "SC102":
        return np.isinf(got)
    if code == "SC103":
        return np.asarray(np.abs(got) < fmt.tiny)
    return ~np.isnan(got)


def judge(got: Floats, truth: Truth, usable: Bools | None = None) -> Verdict:
    """Compare `got` (values of the format as float64, the truth's shape) with the truth.

    `usable` tells, per example, which answers exist; the others are not judged here.
    """
    with np.errstate(all="ignore"):
        return _judge(got, truth, usable)


def _judge(got: Floats, truth: Truth, usable: Bools | None) -> Verdict:
    """Elements that are surely inside both gates need no more; the others are looked at one by one."""
    got = _laid_out_like(truth.head, got)
    error = shift(got, -truth.unit) - truth.head
    if truth.tail.any():
        error -= truth.tail
    np.abs(error, out=error)
    high = error * (1 + _ROUNDOFF)  # infinite or NaN where the units are too small for it
    high += truth.radius
    high *= _widening(truth.slack)
    ratio = _over(high, truth.unit, truth.stable, truth.slack)
    clear = _over(high, truth.unit, truth.accurate, truth.slack) <= 1  # no larger than the stable gate
    if truth.kind.any():
        clear &= truth.kind == Kind.NUMBER
    if usable is not None and not usable.all():
        clear &= usable.reshape(usable.shape + (1,) * (got.ndim - 1))
    ulps = error / truth.step
    vague = truth.radius > _VAGUE * truth.step
    if vague.any():  # no more is on record than is certain
        certain = np.where(vague, np.maximum(error - truth.radius, 0.0), error)
        ratio, ulps = np.where(vague & (high > 0), ratio * (certain / high), ratio), certain / truth.step
    verdict = Verdict(
        np.zeros_like(ratio, dtype=np.int8),
        np.zeros_like(ratio) if truth.robust_only else ratio,
        ulps,
        np.zeros_like(ratio, dtype=bool),
        np.ones_like(ratio, dtype=bool),
    )
    if clear.all():
        return verdict
    places = np.nonzero(~clear)
    rest = _one_by_one(got[places], truth.at(places), None if usable is None else usable[places[0]])
    for name in Verdict.__dataclass_fields__:
        getattr(verdict, name)[places] = getattr(rest, name)
    return verdict


def _laid_out_like(there: Floats, values: Floats) -> Floats:
    """The values in the memory layout of another array: a pass over both at once is quick then."""
    if there.flags.c_contiguous:
        return values
    laid = np.empty_like(there)
    laid[...] = values
    return laid


def _widening(slack: Floats) -> Floats:
    """The factor by which errors stand for gates that are known up to this slack."""
    endless = np.isinf(slack)
    return np.asarray(1 + np.where(endless, 0.0, np.abs(slack)) if endless.any() else 1 + np.abs(slack))


def _over(high: Floats, unit: npt.NDArray[np.int64], gate: Scaled, slack: Floats) -> Floats:
    """Upper bound of error / gate, the error widened for the slack; zero error is inside every gate, NaN
    where nothing is known."""
    ratio = shift(high / gate.mantissa, unit - gate.exponent)
    endless = np.isinf(slack)
    if endless.any():
        # All that is known is what the gate is at least: enough for errors of which no report would speak.
        ratio = np.where(endless & ~(ratio <= _SILENT), np.nan, ratio)
    return np.asarray(ratio) if all_finite(ratio) else np.where(high == 0, 0.0, ratio)


def _one_by_one(got: Floats, truth: Truth, usable: Bools | None) -> Verdict:
    """The whole judgement; all arrays have one axis."""
    fmt = truth.format
    number = truth.kind == Kind.NUMBER
    nan = np.isnan(got)

    error, low, high, unit = _error(got, truth)
    high = high * _widening(truth.slack)
    stable_low, stable_high = _ratios(low, high, unit, truth.stable, truth.slack)
    accurate_low, accurate_high = _ratios(low, high, unit, truth.accurate, truth.slack)
    outside, inside = stable_low > 1, stable_high <= 1
    beyond, within = (accurate_low > 1) & (truth.slack >= 0), accurate_high <= 1

    code = np.zeros(got.shape, dtype=np.int8)
    rounded = truth.rounded
    small_truth = np.abs(rounded) < fmt.tiny
    infinite_truth = np.isinf(rounded)
    small_got = np.abs(got) < fmt.tiny
    wrong = number & outside & ~nan
    code[wrong] = _NUMBER["SC201"]
    # Underflow loses all of a number whose size means something, or nearly all. A subnormal answer that is
    # off by less, or a zero where the gate is absolute, is an inaccuracy like any other.
    nearly_all = np.abs(got) <= SUNK * np.abs(rounded)
    sunk = truth.relative & small_got & nearly_all & ~small_truth & ~infinite_truth
    code[wrong & sunk] = _NUMBER["SC103"]
    code[wrong & np.isinf(got)] = _NUMBER["SC102"]
    code[wrong & np.isfinite(got) & infinite_truth] = _NUMBER["SC104"]
    lost = number & ~outside & inside & beyond & ~nan
    code[lost] = _NUMBER["SC202"]
    # Zero for a subnormal of two steps or more breaks accuracy only, whichever gate it misses. In a sum or
    # difference (an absolute gate) the term beside the one that vanished may remain; but not where subnormal
    # numbers are next to what a row holds (float16), and something else may have made the answer large.
    nothing = (got == 0) & (np.abs(rounded) >= 2 * fmt.eta)
    beside = small_got if fmt.tiny < fmt.u**4 else np.abs(got) < np.abs(rounded)
    vanished = small_truth & (nothing | ((not truth.relative) & beside))
    if not truth.relative and fmt.tiny < fmt.u**4:  # sigmoid(-89) is missing from sigmoid(x) - z
        vanished |= shift(high, unit) < fmt.tiny
    vanished &= wrong | lost
    code[vanished] = _NUMBER["SC203"]
    # Where nothing is known of the truth yet (an infinite radius) it may have no value at all, as 0 / 0.
    known = np.isfinite(truth.radius)
    code[number & nan & known] = _NUMBER["SC101"]

    exact = (truth.kind == Kind.PLUS_INFINITY) | (truth.kind == Kind.MINUS_INFINITY)
    code[exact & nan] = _NUMBER["SC101"]
    code[exact & np.isinf(got) & (got != rounded)] = _NUMBER["SC102"]
    code[exact & np.isfinite(got)] = _NUMBER["SC104"]
    code[(truth.kind == Kind.NAN) & ~nan] = _NUMBER["SC105"]

    if truth.robust_only:
        code[code >= _DIGITS] = 0
    judged = truth.kind != Kind.CONVENTION
    if usable is not None:
        judged = judged & usable
    decided = outside | (inside & (beyond | within))
    open_ = judged & number & np.where(nan, ~known, ~decided)
    code[~judged | open_] = 0

    vague = (truth.radius > _VAGUE * truth.step) & (code == 0)
    ratio = np.where(code > _DIGITS, accurate_high, np.where(vague, stable_low, stable_high))
    ratio = np.where(number & ~nan, ratio, np.where(code > 0, np.inf, 0.0))
    ulps = shift(np.where(vague, low, error), unit - truth.unit) / truth.step
    ulps = np.where(number & ~nan, ulps, np.where(code > 0, np.nan, 0.0))
    if truth.robust_only:
        ratio = np.where(code > 0, ratio, 0.0)
    ratio = np.where(judged & ~open_, np.nan_to_num(ratio, nan=0.0, posinf=np.inf), 0.0)
    return Verdict(code, ratio, np.where(judged & ~open_, ulps, 0.0), open_, judged)


def _error(got: Floats, truth: Truth) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
    """|got - midpoint| and bounds of |got - r|, in units of 2^unit; infinite answers count as max + 1 ulp."""
    fmt = truth.format
    endless = np.isinf(got)
    if fmt.narrow:
        scored = np.where(endless, np.copysign(2.0 ** (fmt.emax + 1), got), got)
        unit, radius = truth.unit, truth.radius
        error = np.abs((scored - truth.head) - truth.tail)
    else:
        # One unit in which neither the answer nor the truth leaves the range.
        mantissa, exponent = np.frexp(np.where(endless, np.copysign(0.5, got), got))
        place = np.where(endless, fmt.emax + 2, exponent).astype(np.int64)
        unit = np.maximum(truth.unit, np.where(mantissa == 0, truth.unit, place - 60))
        down = truth.unit - unit
        difference = shift(mantissa, place - unit) - shift(truth.head, down)
        error, radius = np.abs(difference - shift(truth.tail, down)), shift(truth.radius, down)
    low = np.maximum(error * (1 - _ROUNDOFF) - radius, 0.0)
    return error, low, error * (1 + _ROUNDOFF) + radius, unit


def _ratios(
    low: Floats, high: Floats, unit: npt.NDArray[np.int64], gate: Scaled, slack: Floats
) -> tuple[Floats, Floats]:
    """Bounds of error / gate, the upper one of an error widened for the slack; zero error is inside every
    gate."""
    below = shift(low / gate.mantissa, unit - gate.exponent) / (1 + np.abs(slack))
    above = _over(high, unit, gate, slack)
    zero = high == 0
    unknown = ~np.isfinite(high) | np.isnan(below) | np.isnan(above)
    below = np.where(zero, 0.0, np.where(unknown | np.isinf(slack), 0.0, below))
    above = np.where(zero, 0.0, np.where(unknown, np.inf, above))
    return below, above


def severity(code: str) -> int:
    """Order of codes from worst to least: by the level they break, then by number."""
    level = CODES[code].breaks
    return (int(level) if level is not None else 9) * 1000 + int(code[2:])
