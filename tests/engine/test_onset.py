"""Onset: the smallest magnitude from which a failure shows, to the last number of the format."""

import math

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.onset import onset

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]
SOFTMAX = ops.get("softmax")


def begins(fmt, row, shows, op=SOFTMAX, **others):
    inputs = {op.arguments[0].name: fmt.round_array(row), **others}
    return onset(
        op, fmt, inputs, lambda candidates: [shows(fmt.widen(c[op.arguments[0].name])) for c in candidates]
    )


@pytest.mark.parametrize("fmt", ALL)
def test_the_first_number_that_fails(fmt):
    """The neighbour below it does not."""
    edge = begins(fmt, [fmt.max / 2, -1.0], lambda x: np.max(x) > fmt.log_max)
    assert edge > fmt.log_max
    assert fmt.widen(fmt.neighbour(np.array([edge], dtype=fmt.dtype), -1))[0] <= fmt.log_max


def test_gaps_end_the_search():
    """What fails again below a long stretch that does not is another story."""
    fmt = formats.get("float32")
    edge = begins(fmt, [1000.0], lambda x: x[0] > 500 or 1e-38 < x[0] < 1e-20)
    assert edge == float(np.nextafter(np.float32(500), np.float32(501)))


def test_rows_are_scaled_as_a_whole():
    """The magnitude is that of the largest number, whatever its sign; infinities stay."""
    fmt = formats.get("float64")
    edge = begins(fmt, [-800.0, 400.0, -math.inf], lambda x: x[1] >= 50 and np.isneginf(x[2]))
    assert edge == pytest.approx(100.0, rel=1e-12)


def test_no_magnitude_no_onset():
    """Zeros, and a row of nothing but infinities and NaN."""
    fmt = formats.get("float32")
    for row in ([0.0, -0.0], [math.nan], [-math.inf, math.inf]):
        assert begins(fmt, row, lambda x: True) is None


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float16", 11.09), ("bfloat16", 88.72), ("float32", 88.72), ("float64", 709.78)]
)
def test_of_naive_softmax(dtype, expected, targets, check, by_code):
    """Where exp overflows, in every format."""
    fmt = formats.get(dtype)
    finding = by_code(check(targets["naive_softmax"], dtypes=dtype))["SC101"]
    assert expected <= finding.onset <= expected * (1 + 2 * fmt.u) + 0.02


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float16", 16.64), ("float32", 103.28), ("float64", 744.44)]
)
def test_of_log_of_softmax(dtype, expected, targets, check, by_code):
    """Where exp of the smaller class rounds to zero: log 2 beyond the smallest subnormal."""
    finding = by_code(check(targets["log_of_softmax"], "log_softmax", dtype))["SC102"]
    assert expected < finding.onset < expected + 1
