"""Error-free transformations and double-double arithmetic on arrays.

A double-double is an unevaluated sum hi + lo with hi = fl(hi + lo). Only IEEE-754 addition, multiplication,
division and square root to nearest are assumed; u = 2^-53. Sources: Knuth, TAOCP 2, 4.2.2 (2Sum); Dekker,
Numer. Math. 18 (1971) (Fast2Sum, product); Joldes, Muller, Popescu, ACM TOMS 44(2), 15 (2017) (bounds of
the double-double sums). A `lo` of None means 0 and costs nothing. No operand may overflow or, in products
and quotients, have a head outside 2^-480 .. 2^480 (0 apart), so that no error term underflows to matter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Low = Floats | None

#: Relative error bounds, proved at each function.
ADD_REL = 2.0**-104
MULTIPLY_REL = 2.0**-101
DIVIDE_REL = 2.0**-99
SQRT_REL = 2.0**-99
#: Error of `add_fast` relative to |a| + |b|.
ADD_FAST_REL = 2.0**-104

# Clears the low 27 bits of a significand.
_UPPER = np.int64(-(1 << 27))


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """s = fl(a + b) and e with s + e = a + b exactly (Knuth)."""
    s = np.asarray(a + b)
    e = np.asarray(s - a)
    t = np.asarray(s - e)
    np.subtract(b, e, out=e)
    np.subtract(a, t, out=t)
    np.add(e, t, out=e)
    return s, e


def fast_two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """s = fl(a + b) and e with s + e = a + b exactly, where |a| >= |b| or a = 0 (Dekker).

    `b` may be overwritten.
    """
    s = np.asarray(a + b)
    t = np.asarray(s - a)
    return s, np.subtract(b, t, out=t)


def split(a: Floats) -> tuple[Floats, Floats]:
    """a = upper + lower exactly: upper has 26 bits, |lower| < 2^-25 |a| has 27, by clearing bits."""
    upper = (np.asarray(a).view(np.int64) & _UPPER).view(np.float64)
    return upper, np.asarray(a - upper)


def two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """p = fl(a b) and e with |p + e - a b| <= 2^-103 |a b|.

    Scale a and b to [1, 2): the upper parts are multiples of 2^-25, the lower ones multiples of 2^-52
    below 2^-25. Of the four partial products the first three are exact (52, 53 and 53 bits). The partial
    sums up to the third are multiples of 2^-77 and, p being within 2^-52 of a b, at most 2^-22, 2^-24 and
    2^-49, so they are exact. The last product is below 2^-50 and loses at most 2^-104, the last sum, at
    most 2^-52, at most 2^-106. Together less than 2^-103.
    """
    p = np.asarray(a * b)
    a_upper, a_lower = split(a)
    b_upper, b_lower = split(b)
    e = np.asarray(a_upper * b_upper)
    e -= p
    t = np.asarray(a_upper * b_lower)
    e += t
    np.multiply(a_lower, b_upper, out=t)
    e += t
    np.multiply(a_lower, b_lower, out=t)
    e += t
    return p, e


def add(a: Floats, a_low: Low, b: Floats, b_low: Low) -> tuple[Floats, Floats]:
    """a + b: exact for two floats; within ADD_REL = 4 u^2 of the sum otherwise.

    Joldes et al.: algorithm 4 (one low part) has the bound 2 u^2, algorithm 6 (both) 3 u^2 + 13 u^3.
    """
    s, e = two_sum(a, b)
    if a_low is None:
        if b_low is None:
            return s, e
        e += b_low
        return fast_two_sum(s, e)
    if b_low is None:
        e += a_low
        return fast_two_sum(s, e)
    t, f = two_sum(a_low, b_low)
    e += t
    s, e = fast_two_sum(s, e)
    e += f
    return fast_two_sum(s, e)


def add_fast(a: Floats, a_low: Floats, b: Floats, b_low: Floats) -> tuple[Floats, Floats]:
    """a + b within ADD_FAST_REL = 4 u^2 of |a| + |b|, for sums where |a| + |b| is what counts.

    The low parts lose u (u |a| + u |b|), their sum with e at most u (2 u (|a| + |b|)) (1 + u); where s
    cancels so far that Fast2Sum is not exact, its e is off by at most u |e| <= 3 u^2 (|a| + |b|) 2^-52.
    """
    s, e = two_sum(a, b)
    e += a_low
    e += b_low
    return fast_two_sum(s, e)


def multiply(a: Floats, a_low: Low, b: Floats, b_low: Low) -> tuple[Floats, Floats]:
    """a b within MULTIPLY_REL.

    2^-103 for the product of the heads; a_low b_low <= u^2 |a b| is left out; the cross products, at most
    u |a b| each, lose u^2 each, their sums with e (at most 3 u |a b|) 2 u^2 and 3 u^2: 8 u^2 = 2^-103,
    times (1 + 2^-50), together below 2^-101.
    """
    p, e = two_product(a, b)
    if b_low is not None:
        e += a * b_low
    if a_low is not None:
        e += a_low * b
    return fast_two_sum(p, e)


def divide(a: Floats, a_low: Low, b: Floats, b_low: Low) -> tuple[Floats, Floats]:
    """a / b within DIVIDE_REL (one Newton step with an exact remainder).

    q = fl(a/b) differs from a/b by at most u, so a - q b is at most (u + u + u) |a| with the low parts. The
    remainder loses 2^-103 |a| in the product and u per operation on terms that sum up to at most
    4 u |a|: at most 12 u^2. Dividing by b instead of b + b_low costs u of 3 u, and u for the rounding:
    6 u^2. Together 2^-103 + 18 u^2 < 2^-101, relative to |a/b|; doubled twice for second-order terms.
    """
    q = np.asarray(a / b)
    p, e = two_product(q, b)
    np.subtract(a, p, out=p)  # exact: p is within 2 ulps of a
    p -= e
    if a_low is not None:
        p += a_low
    if b_low is not None:
        p -= q * b_low
    p /= b
    return fast_two_sum(q, p)


def sqrt(a: Floats, a_low: Low) -> tuple[Floats, Floats]:
    """sqrt(a) within SQRT_REL, for a > 0 (one Newton step with an exact remainder).

    s = fl(sqrt(a)); (a - s^2) / (2 s) is the correction, at most 2 u s, with the relative error 4 u of
    its operations and a second-order term (2 u)^2 s / 2; 2^-103 for s^2. Below 2^-100 in all.
    """
    s = np.sqrt(a)
    p, e = two_product(s, s)
    np.subtract(a, p, out=p)
    p -= e
    if a_low is not None:
        p += a_low
    p /= 2.0 * s
    return fast_two_sum(s, p)
