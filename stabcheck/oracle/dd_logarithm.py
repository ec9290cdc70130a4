"""Double-double log kernel from IEEE-754 basic operations only, in the manner of `dd_elementary`."""

from __future__ import annotations

import math

import numpy as np

from stabcheck.oracle import dd_tables as tables
from stabcheck.oracle.dd_elementary import CHUNK, ROUND, ROUND_38, ROUND_BITS, Ints
from stabcheck.oracle.double_double import Floats, Low, fast_two_sum, split, two_sum

#: log is off by at most the smaller of LOG_REL |y| and LOG_ABS (1 + |y|), y = head + low.
LOG_REL = 2.0**-75
LOG_ABS = 2.0**-86

_LOG2 = tables.pieces(tables.log2_fixed(), 21, 21)
_SQRT_HALF_BITS = np.float64(math.sqrt(0.5)).view(np.int64)
_ONE_BITS = np.int64(1023)
_FRACTION_BITS = np.int64(52)


def log(y: Floats, y_low: Low, exponent: Ints | None = None) -> tuple[Floats, Floats]:
    """log((y + y_low) 2^exponent), y > 0 normal, |exponent| < 2^31; bounds LOG_REL and LOG_ABS."""
    return _by_chunks(y, y_low, exponent, None, None)


def log1p(y: Floats, y_low: Low, z: Floats, z_low: Low) -> tuple[Floats, Floats]:
    """log(1 + z), given z and y = 1 + z > 0 normal (used where z is large); same bounds."""
    return _by_chunks(y, y_low, None, z, z_low)


def _by_chunks(
    y: Floats, y_low: Low, exponent: Ints | None, z: Floats | None, z_low: Low
) -> tuple[Floats, Floats]:
    out, low = np.empty(y.size), np.empty(y.size)
    for start in range(0, y.size, CHUNK):
        part = slice(start, start + CHUNK)
        lows = [None if a is None else a[part] for a in (y_low, z, z_low)]
        k = None if exponent is None else exponent[part]
        out[part], low[part] = _log(y[part], lows[0], k, lows[1], lows[2])
    return out, low


def _log(
    y: Floats, y_low: Low, exponent: Ints | None, z_given: Floats | None, z_given_low: Low
) -> tuple[Floats, Floats]:
    """One chunk. y = 2^k m, m in [sqrt(1/2), sqrt(2)], z = m - 1 (exact, Sterbenz; the given z if k = 0).

    With the table's c near 1/(1 + z), 25 bits: r = (1 + z) c - 1 = (c - 1) + z c, |r| <= 2^-12.4 (2^-13
    in the cells -1, 0, 1), as s + e + z_low c: the two halves of z times c are exact, and so is the sum
    of c - 1 with the upper one (c - 1 = 0, or multiples of 2^-63 below 2^-12.3).
    log = k ln2 - log c + s - t^2/2 + [e + z_low c - b (t + b/2) + r^3 P(r)], t, b as in _expm1_reduced,
    P = 1/3 - r/4 + ... + r^4/7, cut off at r^8/8 < 2^-101. Errors: 9 u in the cubic term (<= 2^-38.8),
    2^-88.6, sums below 2^-38.4 in four roundings 2^-89.4, k times the last piece of ln2 2^-95 |k|: within
    LOG_ABS (1 + |y|). Relative to |y| near 1: cell 0 (c = 1, log c = 0) 9 u r^2/3 < 2^-77.4 and 2^-78 for
    the sums; cells 1, -1 (|y| >= 2^-13.1) 2^-76.6; from there 2^-87.9 over 2^-12.4: within LOG_REL.
    """
    k = y.view(np.int64) - _SQRT_HALF_BITS
    k >>= _FRACTION_BITS
    reduced = bool(k.any())
    z, z_low = _fraction(y, y_low, k)
    if z_given is not None:
        near = k == 0
        np.copyto(z, z_given, where=near)
        np.copyto(z_low, 0.0 if z_given_low is None else z_given_low, where=near)
    table = tables.log_table()
    cell = (z * float(tables.LOG_CELLS) + ROUND).view(np.int64) - (ROUND_BITS + tables.LOG_FIRST)
    c = table.reciprocal[cell]
    z_upper, z = split(z)
    z_upper *= c
    z_upper += table.reciprocal_less_one[cell]
    z *= c
    s, e = two_sum(z_upper, z)
    z_low *= c
    e += z_low
    h, low = _log1p_reduced(s, e)
    h, e = fast_two_sum(table.head[cell], h)
    low += table.low[cell]
    low += e
    if exponent is not None:
        k += exponent
        reduced = True
    if reduced:
        power = k.astype(np.float64)
        first, second, third = _LOG2
        h, e = fast_two_sum(power * first, h)
        low += e
        h, e = fast_two_sum(h, power * second)
        low += e
        power *= third
        low += power
    return fast_two_sum(h, low)


def _fraction(y: Floats, y_low: Low, k: Ints) -> tuple[Floats, Floats]:
    """(y + y_low) 2^-k - 1 as a normalised double-double, exactly."""
    scale = ((_ONE_BITS - k) << _FRACTION_BITS).view(np.float64)
    z = y * scale
    z -= 1.0
    if y_low is None:
        return z, np.zeros_like(z)
    return two_sum(z, y_low * scale)


def _log1p_reduced(s: Floats, c: Floats) -> tuple[Floats, Floats]:
    """log(1 + s + c) as a sum of two floats, bounds in `_log`. `c` is consumed."""
    t = s + ROUND_38
    t -= ROUND_38
    b = s - t
    b += c
    r = t + b
    p = r * (1.0 / 7.0)
    p -= 1.0 / 6.0
    p *= r
    p += 1.0 / 5.0
    p *= r
    p -= 1.0 / 4.0
    p *= r
    p += 1.0 / 3.0
    p *= r
    r *= r
    p *= r
    np.multiply(b, 0.5, out=r)
    r += t
    r *= b
    p -= r
    p += c
    t *= t
    t *= -0.5
    h, e = fast_two_sum(s, t)
    e += p
    return h, e
