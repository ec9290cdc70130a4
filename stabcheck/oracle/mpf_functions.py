"""Elementary functions of raw mpf numbers, with proved bounds: the only place that trusts mpmath.

A raw mpf is mpmath's tuple (sign, mantissa, exponent, bit count); it has no exponent limit and no signed
zero. mpmath's mpf functions are trusted to 2^SLACK_BITS units in the last place when asked for GUARD bits
more than needed; mpmath's own intervals (`iv`) are not, because they call a function rounded to nearest at
1 + 2^-p "exactly 1". Every bound here is widened by that slack and rounded outward, so the two ends of a
transcendental value never meet. tests/oracle holds the bounds against Arb.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath.libmp import (
    finf,
    fninf,
    fnone,
    fone,
    from_man_exp,
    fzero,
    mpf_add,
    mpf_cmp,
    mpf_exp,
    mpf_log,
    mpf_mul,
    mpf_pos,
    mpf_shift,
    mpf_sub,
    mpf_tanh,
)
from mpmath.libmp.libelefun import ln2_fixed

#: Raw mpf: (sign, mantissa, exponent, bit count); mantissa 0 with a nonzero exponent is inf, -inf or NaN.
Mpf = tuple[int, Any, int, int]
Bounds = tuple[Mpf, Mpf]
#: Bounds of a function at one point: (x, precision) -> (lo, hi).
PointBounds = Callable[[Mpf, int], Bounds]

#: Rounding directions of libmp.
DOWN, UP, NEAREST = "f", "c", "n"

#: Extra bits asked of a transcendental function ...
GUARD = 32
#: ... and the error it is granted there, as a power of two of its last place: 2^-(p + 23) relatively.
SLACK_BITS = 8

#: Arguments of 2^HUGE and more are not reduced modulo log 2: exp of them is merely "vast" or "minute".
#: Doubles end at 2^1024; only towers of exponentials get here.
HUGE = 4096
VAST: Mpf = from_man_exp(1, 1 << HUGE)
MINUTE: Mpf = from_man_exp(1, -(1 << HUGE))


def magnitude(x: Mpf) -> int:
    """e with 2^(e-1) <= |x| < 2^e, for a finite nonzero x."""
    return x[2] + x[3]


def add(a: Mpf, b: Mpf, precision: int, rounding: str) -> Mpf:
    """a + b, rounded in the direction asked.

    libmp replaces a far smaller operand by a nudge of the larger one, which is right only while the
    larger has no more bits than the precision; longer operands are added first, then rounded again the
    same way.
    """
    longest = max(a[3], b[3])
    if longest > precision:
        return mpf_pos(mpf_add(a, b, longest, rounding), precision, rounding)  # type: ignore[no-any-return]
    return mpf_add(a, b, precision, rounding)  # type: ignore[no-any-return]


def power(a: Mpf, n: int, precision: int, rounding: str) -> Mpf:
    """a^n for a >= 0 and n >= 1 by repeated squaring, each product rounded in the direction asked."""
    result, square = fone, a
    while True:
        if n & 1:
            result = mpf_mul(result, square, precision, rounding)
        n >>= 1
        if not n:
            return result  # type: ignore[no-any-return]
        square = mpf_mul(square, square, precision, rounding)


def total(terms: list[Mpf], precision: int, rounding: str) -> Mpf:
    """Sum of finite terms rounded in the direction asked (DOWN or UP), in fixed point.

    Exact until the last rounding when the terms span less than `precision` + 64 bits; otherwise each
    term's excess bits are rounded in the same direction, which costs less than 2^-(precision + 64) of the
    largest term each.
    """
    terms = [term for term in terms if term[1]]
    if not terms:
        return fzero  # type: ignore[no-any-return]
    top = max(exponent + bits for _, _, exponent, bits in terms)
    base = max(min(exponent for _, _, exponent, _ in terms), top - precision - 64)
    up = rounding == UP
    result = 0
    for sign, mantissa, exponent, bits in terms:
        signed = -mantissa if bool(sign) != up else mantissa  # negated for UP, so that >> rounds up
        shift = exponent - base
        if shift >= 0:
            result += signed << shift
        else:
            # Beyond its own length only the sign is left; a shift count may be thousands of bits long.
            result += signed >> min(-shift, bits + 1)
    return from_man_exp(-result if up else result, base, precision, rounding)  # type: ignore[no-any-return]


# -- values: accurate to a few units in the last place of `precision` ----------------------------------


def exp(x: Mpf, precision: int) -> Mpf:
    """e^x; x of 2^HUGE and more gives inf or 0."""
    sign, mantissa, exponent, bits = x
    if not mantissa:
        return {fzero: fone, fninf: fzero}.get(x, x)  # type: ignore[no-any-return]
    size = exponent + bits
    if size > HUGE:
        return fzero if sign else finf  # type: ignore[no-any-return]
    if exponent >= 0 and size > 4:
        # libmp raises e to an integer power here, which takes milliseconds at 1e308: reduce instead.
        # The error of n log 2 is below 2^(size + 2 - wp) = 2^-(precision + 14).
        wp = precision + size + 16
        n, rest = divmod((-mantissa if sign else mantissa) << (exponent + wp), ln2_fixed(wp))
        return mpf_shift(mpf_exp(from_man_exp(rest, -wp), precision), int(n))  # type: ignore[no-any-return]
    return mpf_exp(x, precision)  # type: ignore[no-any-return]


def log(x: Mpf, precision: int) -> Mpf:
    """log x for x >= 0; relatively accurate around 1; log 0 = -inf."""
    return mpf_log(x, precision)  # type: ignore[no-any-return]


def log1p(x: Mpf, precision: int) -> Mpf:
    """log(1 + x) for x >= -1; relatively accurate around 0."""
    if not x[1]:
        return x
    if x == fnone:
        return fninf  # type: ignore[no-any-return]
    size = magnitude(x)
    if size < -precision:
        # x (1 - x/2), off by x^2/3 relatively.
        return mpf_mul(x, mpf_sub(fone, mpf_shift(x, -1), 2 * precision), precision)  # type: ignore[no-any-return]
    # 1 + x with 16 bits more than x needs; mpmath's log is relatively accurate around 1. (libmp has a
    # log1p of its own from mpmath 1.4 on, while sympy, and so torch, holds mpmath below 1.4.)
    return log(add(fone, x, precision + max(0, -size) + 16, NEAREST), precision)


def expm1(x: Mpf, precision: int) -> Mpf:
    """e^x - 1, relatively accurate around 0; x of 2^HUGE and more gives inf or -1."""
    if not x[1]:
        return fnone if x == fninf else x
    size = magnitude(x)
    if size < -precision:
        # x (1 + x/2), off by x^2/6 relatively.
        return mpf_mul(x, mpf_add(fone, mpf_shift(x, -1), 2 * precision), precision)  # type: ignore[no-any-return]
    value = exp(x, precision + max(0, -size) + 4)
    return mpf_sub(value, fone, precision)  # type: ignore[no-any-return]


def tanh(x: Mpf, precision: int) -> Mpf:
    """tanh x, relatively accurate around 0."""
    if x[1] and magnitude(x) > HUGE:
        return fnone if x[0] else fone  # type: ignore[no-any-return]
    return mpf_tanh(x, precision)  # type: ignore[no-any-return]


# -- bounds: ends of `precision` bits that contain the value -------------------------------------------


def widened(value: Mpf, precision: int) -> Bounds:
    """The finite value of a transcendental function, computed with GUARD extra bits, as proved bounds."""
    sign, mantissa, exponent, bits = value
    shift = max(0, precision + GUARD - bits)
    centre = (-mantissa if sign else mantissa) << shift
    slack = 1 << (bits + shift - precision - GUARD + SLACK_BITS)
    exponent -= shift
    return (
        from_man_exp(centre - slack, exponent, precision, DOWN),
        from_man_exp(centre + slack, exponent, precision, UP),
    )


def exp_bounds(x: Mpf, precision: int) -> Bounds:
    if x[1]:
        if magnitude(x) > HUGE:
            return (fzero, MINUTE) if x[0] else (VAST, finf)
        return widened(exp(x, precision + GUARD), precision)
    value = exp(x, precision)
    return value, value


def log_bounds(x: Mpf, precision: int) -> Bounds:
    """For x >= 0."""
    value = log(x, precision + GUARD)
    return widened(value, precision) if value[1] else (value, value)  # log 1, log 0, log inf are exact


def log1p_bounds(x: Mpf, precision: int) -> Bounds:
    """For x >= -1."""
    value = log1p(x, precision + GUARD)
    return widened(value, precision) if value[1] else (value, value)


def expm1_bounds(x: Mpf, precision: int) -> Bounds:
    if not x[1]:
        value = expm1(x, precision)
        return value, value
    if magnitude(x) > HUGE and not x[0]:
        return from_man_exp(1, (1 << HUGE) - 1), finf
    low, high = widened(expm1(x, precision + GUARD), precision)
    return (low if mpf_cmp(low, fnone) > 0 else fnone), high


def tanh_bounds(x: Mpf, precision: int) -> Bounds:
    value = tanh(x, precision + GUARD)
    if not x[1]:
        return value, value
    low, high = widened(value, precision)
    if x[0]:
        return (low if mpf_cmp(low, fnone) > 0 else fnone), high
    return low, (high if mpf_cmp(high, fone) < 0 else fone)
