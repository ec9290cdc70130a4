"""Certified arithmetic on one interval [lo, hi] of extended reals; both ends are raw mpf numbers.

Three kinds of interval: an ordinary one contains the value; (NaN, NaN) says "proved to have no value"
(inf - inf, 0 * inf, 0 / 0, log of a negative number); the whole line [-inf, inf] says "unknown, perhaps
without a value". Both of the latter absorb: whatever is computed from them is as unknown, so that
tanh(unknown) * 0 is not certified as 0. An end +-inf of any other interval means that the value may be
infinite (limits are taken, as `stabcheck.ops.context` says).

Every function takes the precision in bits first and rounds its ends outward to it.
"""

from __future__ import annotations

from mpmath.libmp import (
    finf,
    fnan,
    fninf,
    fnone,
    fone,
    fzero,
    mpf_abs,
    mpf_cmp,
    mpf_div,
    mpf_le,
    mpf_mul,
    mpf_neg,
    mpf_pos,
    mpf_sqrt,
)

from stabcheck.oracle.mpf_functions import (
    DOWN,
    UP,
    Bounds,
    Mpf,
    PointBounds,
    add,
    exp_bounds,
    expm1_bounds,
    log1p_bounds,
    log_bounds,
    power,
    tanh_bounds,
    total,
)

NO_VALUE: Bounds = (fnan, fnan)
WHOLE: Bounds = (fninf, finf)
INFINITE = (finf, fninf)

#: What a comparison says: it holds, it fails, the intervals overlap, or an operand may have no value.
HOLDS, FAILS, UNDECIDED, VALUELESS = 1, 0, -1, -2


def _absorbed(lo: Mpf, hi: Mpf) -> bool:
    """Nothing is known of this interval's value, or it is known to have none."""
    return bool(lo == fnan or (lo == fninf and hi == finf))


def _either(a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds | None:
    """What two operands give when one of them absorbs, None when both have values."""
    if fnan in (a_lo, b_lo):
        return NO_VALUE
    if _absorbed(a_lo, a_hi) or _absorbed(b_lo, b_hi):
        return WHOLE
    return None


def _has_zero(lo: Mpf, hi: Mpf) -> bool:
    """Zero has sign 0, the infinities have the sign one expects."""
    return bool(hi[0] == 0 and (lo[0] == 1 or lo == fzero))


def _least(values: list[Mpf]) -> Mpf:
    least = values[0]
    for value in values[1:]:
        if mpf_cmp(value, least) < 0:
            least = value
    return least


def _largest(values: list[Mpf]) -> Mpf:
    largest = values[0]
    for value in values[1:]:
        if mpf_cmp(value, largest) > 0:
            largest = value
    return largest


# -- basic operations -----------------------------------------------------------------------------------


def plus(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    if not (a_lo[1] and a_hi[1] and b_lo[1] and b_hi[1]):
        absorbed = _either(a_lo, a_hi, b_lo, b_hi)
        if absorbed is not None:
            return absorbed
        if (a_hi == finf and b_lo == fninf) or (a_lo == fninf and b_hi == finf):
            certain = (a_lo == a_hi) and (b_lo == b_hi)
            return NO_VALUE if certain else WHOLE
    return add(a_lo, b_lo, precision, DOWN), add(a_hi, b_hi, precision, UP)


def minus(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    return plus(precision, a_lo, a_hi, mpf_neg(b_hi), mpf_neg(b_lo))


def negative(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return mpf_neg(hi), mpf_neg(lo)


def times(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    if a_lo[1] and b_lo[1] and a_hi[1] and b_hi[1]:
        if not a_lo[0] and not b_lo[0]:
            return mpf_mul(a_lo, b_lo, precision, DOWN), mpf_mul(a_hi, b_hi, precision, UP)
    else:
        absorbed = _either(a_lo, a_hi, b_lo, b_hi)
        if absorbed is not None:
            return absorbed
        a_infinite = a_lo in INFINITE or a_hi in INFINITE
        b_infinite = b_lo in INFINITE or b_hi in INFINITE
        if (a_infinite and _has_zero(b_lo, b_hi)) or (b_infinite and _has_zero(a_lo, a_hi)):
            certain = a_lo == a_hi and b_lo == b_hi
            return NO_VALUE if certain else WHOLE
    products = [mpf_mul(a, b) for a in (a_lo, a_hi) for b in (b_lo, b_hi)]
    return mpf_pos(_least(products), precision, DOWN), mpf_pos(_largest(products), precision, UP)


def divided(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    """a / b. x / inf = 0; nothing is divided by zero, and a divisor that may be zero gives the whole line."""
    absorbed = _either(a_lo, a_hi, b_lo, b_hi)
    if absorbed is not None:
        return absorbed
    if _has_zero(b_lo, b_hi):
        return NO_VALUE if b_lo == b_hi == fzero else WHOLE
    if (a_lo in INFINITE or a_hi in INFINITE) and (b_lo in INFINITE or b_hi in INFINITE):
        certain = a_lo == a_hi and b_lo == b_hi
        return NO_VALUE if certain else WHOLE
    if b_lo[0]:
        a_lo, a_hi, b_lo, b_hi = mpf_neg(a_hi), mpf_neg(a_lo), mpf_neg(b_hi), mpf_neg(b_lo)
    # b > 0: an end of a is pushed away from zero by the smaller divisor, towards zero by the larger.
    below = b_lo if a_lo[0] else b_hi
    above = b_hi if a_hi[0] else b_lo
    return mpf_div(a_lo, below, precision, DOWN), mpf_div(a_hi, above, precision, UP)


def raised(precision: int, n: int, lo: Mpf, hi: Mpf) -> Bounds:
    """x^n for an integer n; x^0 = 1."""
    if _absorbed(lo, hi):
        return lo, hi
    if n == 0:
        return fone, fone
    if n < 0:
        return divided(precision, fone, fone, *raised(precision, -n, lo, hi))
    if n % 2 == 0:
        lo, hi = absolute(precision, lo, hi)
    return _signed_power(lo, n, precision, DOWN), _signed_power(hi, n, precision, UP)


def _signed_power(x: Mpf, n: int, precision: int, rounding: str) -> Mpf:
    """x^n, odd where x is negative."""
    if x[0]:
        return mpf_neg(power(mpf_neg(x), n, precision, UP if rounding == DOWN else DOWN))  # type: ignore[no-any-return]
    return power(x, n, precision, rounding)


def absolute(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    if _absorbed(lo, hi):
        return lo, hi
    if not _has_zero(lo, hi):
        return (mpf_neg(hi), mpf_neg(lo)) if lo[0] else (lo, hi)
    return fzero, _largest([mpf_abs(lo), mpf_abs(hi)])


def larger(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    absorbed = _either(a_lo, a_hi, b_lo, b_hi)
    return absorbed or (_largest([a_lo, b_lo]), _largest([a_hi, b_hi]))


def smaller(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    absorbed = _either(a_lo, a_hi, b_lo, b_hi)
    return absorbed or (_least([a_lo, b_lo]), _least([a_hi, b_hi]))


def square_root(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    """libmp's square root is correctly rounded in every direction, so exact squares stay points."""
    outside = _outside(lo, hi, fzero)
    if outside is not None:
        return outside
    root = mpf_sqrt(lo, precision, DOWN) if lo[1] else lo
    return root, mpf_sqrt(hi, precision, UP) if hi[1] else hi


def hull(a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    """The smallest interval that contains both."""
    if a_lo == b_lo == fnan:
        return NO_VALUE
    if fnan in (a_lo, b_lo):
        return WHOLE
    return _least([a_lo, b_lo]), _largest([a_hi, b_hi])


# -- transcendental functions ---------------------------------------------------------------------------


def _outside(lo: Mpf, hi: Mpf, edge: Mpf) -> Bounds | None:
    """The answer of a function that has values from `edge` upwards, where the interval reaches below it."""
    if _absorbed(lo, hi):
        return lo, hi
    if mpf_cmp(lo, edge) >= 0:
        return None
    return NO_VALUE if mpf_cmp(hi, edge) < 0 else WHOLE


def _increasing(bounds: PointBounds, precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    if lo is hi or lo == hi:
        return bounds(lo, precision)
    if lo == fninf and hi == finf:
        return WHOLE
    return bounds(lo, precision)[0], bounds(hi, precision)[1]


def exp(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return _increasing(exp_bounds, precision, lo, hi)


def expm1(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return _increasing(expm1_bounds, precision, lo, hi)


def tanh(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return _increasing(tanh_bounds, precision, lo, hi)


def log(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return _outside(lo, hi, fzero) or _increasing(log_bounds, precision, lo, hi)


def log1p(precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    return _outside(lo, hi, fnone) or _increasing(log1p_bounds, precision, lo, hi)


def xlogy(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    """a log b, and 0 where a is exactly 0."""
    if a_lo == a_hi == fzero:
        return fzero, fzero
    return times(precision, a_lo, a_hi, *log(precision, b_lo, b_hi))


# -- reductions and comparisons -------------------------------------------------------------------------


def row_sum(precision: int, los: list[Mpf], his: list[Mpf]) -> Bounds:
    """Sum of a row; 0 for an empty one."""
    if fnan in los:
        return NO_VALUE
    rising, falling = finf in his, fninf in los
    if rising and falling:
        certain = finf in los and fninf in his and WHOLE not in zip(los, his, strict=True)
        return NO_VALUE if certain else WHOLE
    low = fninf if falling else finf if finf in los else total(los, precision, DOWN)
    high = finf if rising else fninf if fninf in his else total(his, precision, UP)
    return low, high


def row_max(precision: int, los: list[Mpf], his: list[Mpf]) -> Bounds:
    """Largest entry of a row; -inf for an empty one."""
    if fnan in los:
        return NO_VALUE
    if fninf in los and finf in his and WHOLE in zip(los, his, strict=True):
        return WHOLE
    return _largest([fninf, *los]), _largest([fninf, *his])


def less(a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> int:
    if _either(a_lo, a_hi, b_lo, b_hi) is not None:
        return VALUELESS
    if mpf_cmp(a_hi, b_lo) < 0:
        return HOLDS
    return FAILS if mpf_le(b_hi, a_lo) else UNDECIDED


def less_equal(a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> int:
    if _either(a_lo, a_hi, b_lo, b_hi) is not None:
        return VALUELESS
    if mpf_le(a_hi, b_lo):
        return HOLDS
    return FAILS if mpf_cmp(b_hi, a_lo) < 0 else UNDECIDED


def selected(verdict: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    """a where the condition holds, b where it fails, their hull where it is undecided."""
    if verdict == HOLDS:
        return a_lo, a_hi
    if verdict == FAILS:
        return b_lo, b_hi
    return hull(a_lo, a_hi, b_lo, b_hi) if verdict == UNDECIDED else WHOLE
