"""Floats with an exponent of their own, against mpmath."""

import math

import mpmath
import numpy as np
import pytest

from stabcheck.oracle.scaled import InUnits, Scaled, exponent_and_edge, shift, split

COUNT = 400


@pytest.fixture
def numbers():
    """Pairs of arrays whose exponents leave every format."""
    rng = np.random.default_rng(3)

    def one():
        values = rng.normal(size=COUNT) * rng.choice([0.0, 1.0, 1e-300, 1e300], COUNT, p=(0.1, 0.7, 0.1, 0.1))
        return values, rng.choice([0, 3, -60, 900, -3000, 10**12, -(10**15)], COUNT)

    (a, ea), (b, eb) = one(), one()
    eb = np.where(rng.random(COUNT) < 0.5, ea, eb)
    return Scaled.of(a, ea), Scaled.of(b, eb), exact(a, ea), exact(b, eb)


def exact(values, exponents):
    with mpmath.workprec(200):
        return [mpmath.ldexp(mpmath.mpf(float(v)), int(e)) for v, e in zip(values, exponents, strict=True)]


def numbers_of(s):
    return exact(s.mantissa, s.exponent)


def close(expected, actual, bits=51):
    """Relatively, to so many bits."""
    with mpmath.workprec(200):
        return all(
            abs(e - a) <= abs(e) * mpmath.mpf(2) ** -bits for e, a in zip(expected, actual, strict=True)
        )


def test_numbers_are_kept_exactly_and_normalised(numbers):
    """of: the value is exact, its mantissa in [1/2, 1) or zero."""
    a, _, exact_a, _ = numbers
    assert exact_a == numbers_of(a)
    size = np.abs(a.mantissa)
    assert np.all(((size >= 0.5) & (size < 1)) | (size == 0))


def test_sums_and_products(numbers):
    """+ (of one sign: gates and errors are never negative) and times round once or twice."""
    a, b, exact_a, exact_b = numbers
    a, b = Scaled(np.abs(a.mantissa), a.exponent), Scaled(np.abs(b.mantissa), b.exponent)
    with mpmath.workprec(3000):
        expected = [abs(x) + abs(y) if abs(mpmath.mag(x) - mpmath.mag(y)) < 2000 else max(abs(x), abs(y))
                    for x, y in zip(exact_a, exact_b, strict=True)]  # fmt: skip
    assert close(expected, numbers_of(a + b))
    assert close([abs(x) * 3 for x in exact_a], numbers_of(a.times(3.0)))


def test_quotients_are_floats(numbers):
    """over: inf above the range, 0 below it, NaN from 0 / 0 only."""
    a, b, exact_a, exact_b = numbers
    actual = a.over(b)
    for x, y, q in zip(exact_a, exact_b, actual, strict=True):
        if y == 0:
            assert math.isnan(q) if x == 0 else math.isinf(q)
            continue
        with mpmath.workprec(200):
            true = x / y
            if abs(true) >= mpmath.mpf(2) ** 1025:
                assert math.copysign(math.inf, true) == q
            elif abs(true) < mpmath.mpf(2) ** -1080:
                assert q == 0
            elif abs(true) > mpmath.mpf(2) ** -1020:
                assert abs(true - q) <= abs(true) * 2.0**-52


def test_minimum_and_floats(numbers):
    """The smaller of two; floats() is the number where float64 holds it, else inf or 0."""
    a, b, exact_a, exact_b = numbers
    a, b = Scaled(np.abs(a.mantissa), a.exponent), Scaled(np.abs(b.mantissa), b.exponent)
    known = np.array([not (x == 0 and y == 0) for x, y in zip(exact_a, exact_b, strict=True)])
    expected = [min(abs(x), abs(y)) for x, y in zip(exact_a, exact_b, strict=True)]
    least = numbers_of(a.minimum(b))
    assert [e for e, k in zip(expected, known, strict=True) if k] == [
        m for m, k in zip(least, known, strict=True) if k
    ]
    ends = Scaled.of([1.5, 1.5, 1.5, 0.0], [10, 5000, -5000, 10**12])
    assert [1536.0, math.inf, 0.0, 0.0] == ends.floats().tolist()


def test_infinite_gates():
    """An infinite gate swallows every error; infinities are kept by + and times."""
    infinite, one = Scaled.of([math.inf]), Scaled.of([1.0], [3000])
    assert [0.0] == one.over(infinite).tolist()
    assert [math.inf] == (one + infinite).floats().tolist()
    assert [math.inf] == infinite.times(0.5).floats().tolist()
    assert [3001] == infinite.minimum(one).exponent.tolist()


def test_shift_takes_exponents_of_any_size():
    """ldexp of NumPy takes an int32 only."""
    exponents = np.array([10**15, -(10**15), 1, 10**15])
    with np.errstate(over="ignore"):
        moved = shift(np.array([1.0, 1.0, 3.0, -1.0]), exponents)
    assert [math.inf, 0.0, 6.0, -math.inf] == moved.tolist()


def test_numbers_in_units_say_what_scaled_ones_say():
    """like, +, times, minimum and floats, with units that differ from element to element."""
    rng = np.random.default_rng(5)
    units = rng.integers(-900, 960, COUNT)
    a, b = (rng.uniform(1, 2, COUNT) * 2.0 ** rng.integers(-60, 60, COUNT) for _ in range(2))
    unit = InUnits(np.zeros(COUNT), units)
    in_units, scaled = (unit.like(a, units), unit.like(b, units)), (Scaled.of(a, units), Scaled.of(b, units))
    for act in (
        lambda x, y: x + y,
        lambda x, y: x.minimum(y),
        lambda x, y: x.times(3.5),
        lambda x, y: x.like([0.75], -1074) + y,
    ):
        got, expected = act(*in_units), act(*scaled)
        np.testing.assert_array_equal(units, got.exponent)
        np.testing.assert_allclose(got.over(expected), 1, rtol=1e-15)
    np.testing.assert_array_equal(in_units[0].floats(), scaled[0].floats())


def test_numbers_in_one_unit():
    """An exponent for all: what is put in comes in the common unit, `whole` gives each number its place."""
    size = InUnits(np.array([1.0, 2.0, 3.0]), np.asarray(0))
    assert [0.75 * 2.0**-40] == size.like([0.75], -40).floats().tolist()
    kept = size.whole((3,))
    kept.put(np.array([1]), Scaled.of([5.0], [3]))
    assert [1.0, 40.0, 3.0] == kept.floats().tolist()
    assert [40.0, 1.0] == kept[np.array([1, 0])].floats().tolist()
    row = InUnits(np.array([[4.0]]), np.asarray(0)).whole((2, 3))
    row.mantissa[0, 1] = 9.0
    assert [[4.0, 9.0, 4.0], [4.0, 4.0, 4.0]] == row.reshape(2, 3).floats().tolist()
    assert [16.0, 2.0] == InUnits(np.array([2.0, 0.25]), np.asarray(3)).normalised().floats().tolist()


def test_exponents_are_those_of_split():
    """Also of zeros, subnormal numbers and infinities; the edge is a mantissa of one half."""
    values = np.array(
        [1.0, -0.5, 0.75, 0.0, -0.0, 5e-324, 2.0**-1022, 3e-310, math.inf, 1.7e308, -(2.0**-1060)]
    )
    mantissa, expected = split(values)
    exponent, edge = exponent_and_edge(values)
    np.testing.assert_array_equal(expected, exponent)
    np.testing.assert_array_equal(np.abs(mantissa) == 0.5, edge)
