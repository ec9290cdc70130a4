"""Constants and tables of the double-double exp and log, from exact integer arithmetic.

Everything is computed in fixed point with BITS fractional bits, where the accumulated truncation stays
below 2^-160, and then cut into floats; a quotient of Python integers is correctly rounded.
"""

from __future__ import annotations

from functools import cache
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BITS = 192
_ONE = 1 << BITS

#: exp: 2^(j / EXP_CELLS), j = 0 .. EXP_CELLS - 1.
EXP_CELLS = 2048
#: log: cells of width 1 / LOG_CELLS around 1 + n / LOG_CELLS, n = LOG_FIRST .. LOG_LAST.
LOG_CELLS = 4096
LOG_FIRST = -1210
LOG_LAST = 1710
#: Bits of the approximate reciprocals in the log table.
LOG_RECIPROCAL_BITS = 24


def _atanh_inverse(q: int) -> int:
    """atanh(1/q) in fixed point: the series sum q^-(2i+1) / (2i+1)."""
    power, total, i = _ONE // q, 0, 1
    while power:
        total += power // i
        power //= q * q
        i += 2
    return total


def _float(fixed: int) -> float:
    return fixed / _ONE


def _fixed(x: float) -> int:
    """x in fixed point, exactly (|x| >= 2^-138 or 0)."""
    numerator, denominator = x.as_integer_ratio()
    return numerator * _ONE // denominator


def _cut(fixed: int, bits: int) -> float:
    """The leading `bits` bits of a number, towards 0."""
    shift = max(abs(fixed).bit_length() - bits, 0)
    magnitude = abs(fixed) >> shift << shift
    return _float(magnitude if fixed >= 0 else -magnitude)


@cache
def log2_fixed() -> int:
    """ln 2 = 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749)."""
    return 18 * _atanh_inverse(26) - 2 * _atanh_inverse(4801) + 8 * _atanh_inverse(8749)


def pieces(fixed: int, *bits: int) -> tuple[float, ...]:
    """The number as floats with so many bits each, and the rest as one more float."""
    out = []
    for count in bits:
        out.append(_cut(fixed, count))
        fixed -= _fixed(out[-1])
    return (*out, _float(fixed))


class ExpTable(NamedTuple):
    """2^(j / EXP_CELLS) = head + low within 2^-106; `upper` holds the first 26 bits of the head."""

    head: Floats
    low: Floats
    upper: Floats


@cache
def exp_table() -> ExpTable:
    """Successive powers of 2^(1 / EXP_CELLS), itself a repeated square root."""
    root = 2 * _ONE
    for _ in range(EXP_CELLS.bit_length() - 1):
        root = isqrt(root << BITS)
    power, heads, lows, uppers = _ONE, [], [], []
    for _ in range(EXP_CELLS):
        head = _float(power)
        heads.append(head)
        lows.append(_float(power - _fixed(head)))
        uppers.append(_cut(_fixed(head), 26))
        power = power * root >> BITS
    return ExpTable(np.array(heads), np.array(lows), np.array(uppers))


class LogTable(NamedTuple):
    """For the cell n = LOG_FIRST + i: c near 1 / (1 + n / LOG_CELLS), and -log c = head + low."""

    reciprocal: Floats
    reciprocal_less_one: Floats
    head: Floats
    low: Floats


@cache
def log_table() -> LogTable:
    """-log c = log(m / LOG_CELLS) - log(c m / LOG_CELLS) with m = LOG_CELLS + n.

    log((m+1)/m) = 2 atanh(1/(2m+1)) sums up to the first term; the second is a series in the rounding
    error c m / LOG_CELLS - 1, below 2^-23.
    """
    logs = {LOG_CELLS: 0}
    for m in range(LOG_CELLS, LOG_CELLS + LOG_LAST):
        logs[m + 1] = logs[m] + 2 * _atanh_inverse(2 * m + 1)
    for m in range(LOG_CELLS - 1, LOG_CELLS + LOG_FIRST - 1, -1):
        logs[m] = logs[m + 1] - 2 * _atanh_inverse(2 * m + 1)
    unit = 1 << LOG_RECIPROCAL_BITS
    rows = []
    for m in range(LOG_CELLS + LOG_FIRST, LOG_CELLS + LOG_LAST + 1):
        c = (2 * unit * LOG_CELLS + m) // (2 * m)  # unit / (m / LOG_CELLS), to nearest
        off = (c * m * _ONE) // (unit * LOG_CELLS) - _ONE
        power, series, i = off, 0, 1
        while abs(power) > 1:
            series += power // i if i % 2 else -(power // i)
            power = power * off >> BITS
            i += 1
        value = logs[m] - series
        head = _float(value)
        rows.append((c / unit, (c - unit) / unit, head, _float(value - _fixed(head))))
    reciprocal, less_one, head_column, low_column = np.array(rows).T.copy()
    return LogTable(reciprocal, less_one, head_column, low_column)
