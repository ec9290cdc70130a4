"""Exact rounding, proved by brute force over the small formats and by MPFR for the large ones."""

import math
import random
from fractions import Fraction

import gmpy2
import numpy as np
import pytest

from stabcheck import formats
from stabcheck.formats import EXTRA_FORMATS, FORMATS, Format

ALL = [*FORMATS.values(), *EXTRA_FORMATS.values()]
SMALL = [f for f in ALL if f.bits <= 16]


def by_name(f: Format) -> str:
    return f.name


def parts(value: float) -> tuple[int, int]:
    """A finite float as an exact integer mantissa and exponent."""
    fraction, exponent = math.frexp(value)
    return int(fraction * 2**53), exponent - 53


def same(a: float, b: float) -> bool:
    """Equal, with zeros of different sign told apart."""
    return a == b and math.copysign(1.0, a) == math.copysign(1.0, b)


def positive_values(f: Format) -> np.ndarray:
    """Every finite value >= 0 of a small format, ascending, and then the first value beyond its largest.

    Taken from the bit patterns themselves, not from `from_ordinal`.
    """
    patterns = np.arange(1 << (f.bits - 1)).astype(f"u{f.bits // 8}").view(f.dtype)
    values = f.widen(patterns)
    finite = values[np.isfinite(values)]
    return np.append(finite, 2.0 ** (f.emax + 1))


def even_of_neighbours(f: Format) -> np.ndarray:
    """Where each midpoint between neighbours of `positive_values` goes: to the even bit pattern."""
    values = positive_values(f)
    lower, upper = values[:-1], values[1:].copy()
    upper[-1] = math.inf
    return np.where(np.arange(len(lower)) % 2 == 0, lower, upper)


# -- one value at a time ---------------------------------------------------------------------------


@pytest.mark.parametrize("f", SMALL, ids=by_name)
@pytest.mark.parametrize("sign", [1, -1])
def test_values_of_the_format_round_to_themselves(f, sign):
    """All patterns of the 8 and 16-bit formats are fixed points of rounding."""
    wrong = [v for v in positive_values(f)[:-1].tolist() if f.round_parts(*parts(sign * v)) != sign * v]
    assert wrong == []


@pytest.mark.parametrize("f", SMALL, ids=by_name)
@pytest.mark.parametrize("sign", [1, -1])
def test_midpoints_round_to_even_and_their_surroundings_to_the_nearest(f, sign):
    """Every midpoint between neighbours, and the points 2^-200 of a step below and above it.

    The last midpoint is the overflow threshold; the first lies below the smallest subnormal.
    """
    values = positive_values(f)
    upper_values = [*values[1:-1].tolist(), math.inf]
    wrong = []
    for lower, upper, even, middle in zip(
        values[:-1].tolist(),
        upper_values,
        even_of_neighbours(f).tolist(),
        ((values[:-1] + values[1:]) / 2).tolist(),
        strict=True,
    ):
        mantissa, exponent = parts(middle)
        fine = mantissa << 200
        got = (
            f.round_parts(sign * mantissa, exponent),
            f.round_parts(sign * (fine - 1), exponent - 200),
            f.round_parts(sign * (fine + 1), exponent - 200),
        )
        expected = (sign * even, sign * lower, sign * upper)
        if not all(map(same, got, expected)):
            wrong.append((middle, got, expected))
    assert wrong == []


def random_parts(f: Format, rng: random.Random) -> tuple[int, int]:
    """A mantissa and exponent with its value in reach of the format: halfway cases, subnormals, overflow."""
    bits = rng.choice([1, f.precision, f.precision + 1, f.precision + 2, 70, 200])
    mantissa = rng.getrandbits(bits) | 1 << (bits - 1)
    binade = rng.choice(
        [
            rng.randint(f.emin, f.emax),
            rng.randint(f.etamin - 2, f.emin + 1),
            rng.randint(f.emax - 1, f.emax + 1),
        ]
    )
    exponent = binade - bits + 1
    if rng.random() < 0.3:  # a halfway case of this binade, or the next point beside it
        lowest = f.ulp_exponent(mantissa, exponent)
        whole = mantissa >> max(lowest - exponent, 0)
        mantissa, exponent = (2 * whole + 1 << 60) + rng.choice([-1, 0, 1]), lowest - 61
    return rng.choice([1, -1]) * mantissa, exponent


@pytest.mark.parametrize("name", ["float64", "float32", "float16"])
def test_rounding_agrees_with_mpfr(name):
    """MPFR with IEEE exponent range and subnormalisation rounds 10 000 engineered values alike."""
    f = FORMATS[name]
    rng = random.Random(f"mpfr {name}")
    ieee = gmpy2.ieee(f.bits)
    exact = gmpy2.context(precision=400, emin=gmpy2.get_emin_min(), emax=gmpy2.get_emax_max())
    wrong = []
    for _ in range(10_000):
        mantissa, exponent = random_parts(f, rng)
        value = exact.mul(mantissa, exact.exp2(exponent))
        expected = float(ieee.plus(value))
        if not same(f.round_parts(mantissa, exponent), expected):
            wrong.append((mantissa, exponent, expected))
    assert wrong == []


def test_rounding_to_float64_agrees_with_integer_division():
    """Python divides integers with one correct rounding: a third opinion for float64."""
    f = FORMATS["float64"]
    rng = random.Random("division")
    wrong = []
    for _ in range(10_000):
        mantissa, exponent = random_parts(f, rng)
        exact = Fraction(mantissa) * Fraction(2) ** exponent
        try:
            expected = exact.numerator / exact.denominator
        except OverflowError:
            expected = math.copysign(math.inf, mantissa)
        if f.round_parts(mantissa, exponent) != expected:
            wrong.append((mantissa, exponent, expected))
    assert wrong == []


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_values_far_outside_every_exponent_range_are_rounded_at_once(f):
    """exp(-1e308) has an exponent that no shift could hold; it rounds to a zero of its sign."""
    assert same(0.0, f.round_parts(3, -(10**308)))
    assert same(-0.0, f.round_parts(-3, -(10**308)))
    assert math.inf == f.round_parts(3, 10**308)
    assert -math.inf == f.round_parts(-3, 10**308)
    assert same(0.0, f.round_parts(0, 10**308))


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_mantissas_may_be_gmpy2_integers(f):
    """mpmath hands out gmpy2 integers where that library is installed."""
    mantissa, exponent = parts(f.max)
    assert f.max == f.round_parts(gmpy2.mpz(mantissa), exponent)


# -- ulp -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", SMALL, ids=by_name)
def test_ulp_is_the_gap_above_every_value(f):
    """For values of the format ulp(r) is the distance to the next one further from zero."""
    values = positive_values(f)
    wrong = [
        low
        for low, gap in zip(values[:-1].tolist(), np.diff(values).tolist(), strict=True)
        if 2.0 ** f.ulp_exponent(*parts(low)) != gap
    ]
    assert wrong == []


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_ulp_of_a_real_value_follows_its_binade(f):
    """2^max(floor(log2 |r|) - p + 1, e_min - p + 1), for reals between and beyond the values."""
    below_two = (1 << 500) - 1
    assert 1 - f.precision == f.ulp_exponent(1, 0)
    assert 1 - f.precision == f.ulp_exponent(-below_two, -499)
    assert 2 - f.precision == f.ulp_exponent(1, 1)
    assert f.etamin == f.ulp_exponent(1, f.emin)
    assert f.etamin == f.ulp_exponent(1, f.etamin - 1000)
    assert f.etamin == f.ulp_exponent(0, 0)
    assert f.emax + 2 - f.precision == f.ulp_exponent(1, f.emax + 1)


# -- constants -------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_constants_agree_with_the_finfo_of_the_dtype(f):
    """max, tiny, eta and u are derived from three numbers; the libraries' tables say the same."""
    import ml_dtypes

    info = ml_dtypes.finfo(f.dtype)
    assert float(info.max) == f.max
    assert float(info.smallest_normal) == f.tiny
    assert float(info.smallest_subnormal) == f.eta
    assert float(info.eps) == 2 * f.u
    assert info.bits == f.bits


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_cliffs_are_the_logarithms_they_claim_to_be(f):
    """Each cliff is within one float64 ulp of the logarithm taken at 100 digits, and inside the range."""
    import mpmath

    with mpmath.workdps(100):
        expected = {
            "log max": mpmath.log(f.max),
            "log min normal": mpmath.log(f.tiny),
            "log min subnormal": mpmath.log(f.eta),
            "exp to zero": mpmath.log(mpmath.mpf(f.eta) / 2),
            "log u": mpmath.log(f.u),
            "-log u": -mpmath.log(f.u),
        }
        assert expected.keys() == f.cliffs.keys()
        far = {k: x for k, x in f.cliffs.items() if abs(expected[k] - x) > 2 * math.ulp(x)}
    assert far == {}


@pytest.mark.parametrize(
    ("name", "log_max", "log_tiny", "log_eta", "log_u"),
    [
        ("float64", 709.78, -708.4, -744.4, 36.7),
        ("float32", 88.72, -87.34, -103.3, 16.6),
        ("bfloat16", 88.72, -87.34, -92.2, 5.5),
        ("float16", 11.09, -9.70, -16.6, 7.6),
    ],
)
def test_cliffs_are_those_of_the_textbook(name, log_max, log_tiny, log_eta, log_u):
    """The numbers every course on softmax quotes."""
    f = FORMATS[name]
    got = (f.log_max, f.log_tiny, f.log_eta, f.log_u)
    assert pytest.approx((log_max, log_tiny, log_eta, log_u), abs=0.05) == got


def test_get_is_documented_by_its_default_list():
    """Four formats are the default list; float8 is reachable by name only."""
    assert list(FORMATS) == ["float64", "float32", "bfloat16", "float16"]
    assert EXTRA_FORMATS["float8_e5m2"] is formats.get("float8_e5m2")
