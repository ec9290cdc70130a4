"""Double-double exp kernel from IEEE-754 basic operations only (log: `dd_logarithm`).

Tables reduce the argument to |r| < 2^-12.4, where the series needs double-double in its first two terms
alone. u = 2^-53. All arrays are flat and of one length; work goes in chunks that stay in cache.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stabcheck.oracle import dd_tables as tables
from stabcheck.oracle.double_double import Floats, Low, fast_two_sum, two_sum

Ints = npt.NDArray[np.int64]

#: |e^x 2^-k - (head + low)| <= EXP_REL (head + low).
EXP_REL = 2.0**-86
#: The same for the wide reduction, relative to |x|.
EXP_WIDE_REL = 2.0**-99
#: Arguments of the fast reduction, and of any.
EXP_FAST_MAX = 5600.0
EXP_MAX = 2.0**30
#: |expm1(x) - (head + low)| <= EXPM1_REL |head| for |x| < EXPM1_MAX.
EXPM1_REL = 2.0**-76
EXPM1_MAX = 2.0**-12.6
CHUNK = 4096

_CELL = math.log(2.0) / tables.EXP_CELLS
_PER_CELL = 1.0 / _CELL
#: Adding it rounds to an integer, which then stands in the low bits.
ROUND = 1.5 * 2.0**52
ROUND_BITS = np.float64(ROUND).view(np.int64)
#: Adding and subtracting it rounds to a multiple of 2^-38.
ROUND_38 = 1.5 * 2.0**14
_CELL_SHIFT = np.int64(tables.EXP_CELLS.bit_length() - 1)
_CELL_MASK = np.int64(tables.EXP_CELLS - 1)


class Scaled(NamedTuple):
    """(head + low) 2^exponent."""

    head: Floats
    low: Floats
    exponent: Ints


def exp(x: Floats, x_low: Low) -> Scaled:
    """e^x with head in [0.99, 2.01], for |x| <= EXP_MAX.

    The error is EXP_REL for |x| <= EXP_FAST_MAX, plus EXP_WIDE_REL |x| beyond.
    """
    out = Scaled(np.empty(x.size), np.empty(x.size), np.empty(x.size, dtype=np.int64))
    for start in range(0, x.size, CHUNK):
        part = slice(start, start + CHUNK)
        low = None if x_low is None else x_low[part]
        out.head[part], out.low[part], out.exponent[part] = _exp(x[part], low)
    return out


def _exp(x: Floats, x_low: Low) -> tuple[Floats, Floats, Ints]:
    """One chunk. With x = n ln2/2048 + r, n = 2048 k + j: e^x = 2^k 2^(j/2048) (1 + q), q = e^r - 1.

    Let T = upper + rest + low be the table's double-double (relative error 2^-106, upper 26 bits) and
    q = t + w with t = q rounded to a multiple of 2^-38, |t| <= 2^-12.4: upper t is exact (26 + 26 bits).
    Relative to T >= 1 the errors are: 2^-89 for q (`_expm1_reduced`), 2^-91 for w (|w| <= 2^-37.8);
    head w <= 2^-36.8 loses 2^-90; (rest + low) t <= 2^-37.4 loses 2^-89.9 in two roundings; low w left
    out is 2^-91; three sums below 2^-36 lose 2^-89 each. Together less than 2^-86.7.
    """
    n, j = _cells(x)
    wide = bool(np.max(np.abs(x), initial=0.0) > EXP_FAST_MAX)
    s, c = _reduce_wide(x, x_low, n) if wide else _reduce(x, x_low, n)
    q, q_low = _expm1_reduced(s, c)
    table = tables.exp_table()
    cell = j & _CELL_MASK
    head, low, upper = table.head[cell], table.low[cell], table.upper[cell]
    t = q + ROUND_38
    t -= ROUND_38
    q -= t
    q += q_low
    q *= head
    rest = head - upper
    rest += low
    rest *= t
    q += rest
    q += low
    t *= upper
    s, e = fast_two_sum(head, t)
    e += q
    s, e = fast_two_sum(s, e)
    return s, e, j >> _CELL_SHIFT


def _cells(x: Floats) -> tuple[Floats, Ints]:
    """n = round(x / (ln2/2048)), as float and as integer.

    For |x| <= 2^30, n < 2^41.6, the quotient is off by 2 u n <= 2^-10, so |r| <= (1/2 + 2^-10) ln2/2048
    < 2^-12.5.
    """
    n = x * _PER_CELL
    n += ROUND
    j = n.view(np.int64) - ROUND_BITS
    n -= ROUND
    return n, j


_FAST = tables.pieces(tables.log2_fixed() // tables.EXP_CELLS, 29, 29)
_WIDE = tables.pieces(tables.log2_fixed() // tables.EXP_CELLS, 31, 31)
_WIDE_ROUND = 1.5 * 2.0 ** (52 + 21)


def _reduce(x: Floats, x_low: Low, n: Floats) -> tuple[Floats, Floats]:
    """r = x - n ln2/2048 as s + c, |c| <= 2^-40, within 2^-93.8, for |x| <= EXP_FAST_MAX, n < 2^24.

    ln2/2048 = L1 + L2 + L3 with 29, 29 and 53 bits: n L1 and n L2 are exact. x - n L1 is exact: for n = 0
    trivially, else it is a multiple of ulp(x) (<= 2^-40, like n L1), ulp(x) >= 2^-65 as |x| > 2^-12.6,
    and at most 2^-12.3 < 2^53 2^-65. L3 < 2^-69, so n L3 < 2^-45 loses 2^-98 and L3's own rounding
    2^-98; adding x_low <= 2^-41 loses 2^-94. For n = 0 everything is exact.
    """
    first, second, third = _FAST
    p = n * first
    np.subtract(x, p, out=p)
    s, c = two_sum(p, np.multiply(n, -second))
    c -= n * third
    if x_low is not None:
        c += x_low
    return s, c


def _reduce_wide(x: Floats, x_low: Low, n: Floats) -> tuple[Floats, Floats]:
    """The same for |x| <= EXP_MAX, n < 2^42, within 2^-93.8 + EXP_WIDE_REL |x|, |c| <= 2^-65.

    n = n1 + n2 with n1 a multiple of 2^21 and both of 21 or 22 bits, ln2/2048 = L1 + L2 + L3 with 31, 31
    and 53 bits: the four leading products are exact. Their sum with x is error-free but for the
    collected low terms: at most 2 u |x| in size, they lose u each in 6 additions, 12 u^2 |x| < 2^-102 |x|;
    n L3 <= 2^-62 |x| loses 2^-115 |x|.
    """
    first, second, third = _WIDE
    upper = n + _WIDE_ROUND
    upper -= _WIDE_ROUND
    lower = n - upper
    s, c = two_sum(x, upper * -first)
    for term in (lower * -first, upper * -second, lower * -second):
        s, e = two_sum(s, term)
        c += e
    c -= n * third
    if x_low is not None:
        c += x_low
    return two_sum(s, c)


def _expm1_reduced(s: Floats, c: Floats) -> tuple[Floats, Floats]:
    """q + q_low = e^r - 1 within 2^-88.9, for r = s + c, |s| <= 2^-12.4, |c| <= 2^-40.

    r = t + b, t = s rounded to a multiple of 2^-38 (26 bits, t^2 exact, s - t exact), |b| <= 2^-38.4:
    q = s + t^2/2 + [c + b (t + b/2) + r^3 P(r)], P = 1/6 + r/24 + r^2/120 + r^3/720 cut off at
    r^7/5040 < 2^-99. The cubic term, at most 2^-39.7, loses 8 u (three for r, three products, P): 2^-89.7;
    the other terms in brackets 2^-102, their two sums 2^-92.6 and 2^-91.8, the sum with Fast2Sum's error
    2^-91.7, the reduction 2^-93.8. For c <= u |s|, |s| <= EXPM1_MAX (no reduction) the same terms relative
    to |s| are 8 u r^2/6 < 2^-77.8 and below 2^-79 together: EXPM1_REL.
    """
    t = s + ROUND_38
    t -= ROUND_38
    b = s - t
    b += c
    r = t + b
    p = r * (1.0 / 720.0)
    p += 1.0 / 120.0
    p *= r
    p += 1.0 / 24.0
    p *= r
    p += 1.0 / 6.0
    p *= r
    r *= r
    p *= r
    np.multiply(b, 0.5, out=r)
    r += t
    r *= b
    p += r
    p += c
    t *= t
    t *= 0.5
    q, e = fast_two_sum(s, t)
    e += p
    return q, e


def expm1(x: Floats, x_low: Low) -> tuple[Floats, Floats]:
    """e^x - 1 within EXPM1_REL, for |x| <= EXPM1_MAX, where no reduction is needed."""
    q, e = _expm1_reduced(x, np.zeros_like(x) if x_low is None else x_low)
    return fast_two_sum(q, e)
