"""Rounding, ordinals and neighbours of whole arrays."""

import math
import warnings

import ml_dtypes
import numpy as np
import pytest

from stabcheck.formats import EXTRA_FORMATS, FORMATS, Format

ALL = [*FORMATS.values(), *EXTRA_FORMATS.values()]
SMALL = [f for f in ALL if f.bits <= 16]


def by_name(f: Format) -> str:
    return f.name


def patterns(f: Format) -> np.ndarray:
    """Every bit pattern of a small format; a random 100 000 of a large one."""
    unsigned = np.dtype(f"u{f.bits // 8}")
    if f.bits <= 16:
        return np.arange(1 << f.bits).astype(unsigned).view(f.dtype)
    rng = np.random.default_rng(f.bits)
    return rng.integers(0, 1 << f.bits, 100_000, dtype=unsigned).view(f.dtype)


def identical(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Same value and same sign of zero, or both NaN."""
    a, b = Format.widen(a), Format.widen(b)
    return ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))


def test_no_operation_on_arrays_warns_or_raises():
    """The caller's floating-point error state is nothing to these functions, scalars (0-d) included."""
    extreme = [1e300, -1e300, 3.4e38, 1e-50, -1e-310, math.nan, math.inf, -math.inf, -0.0, 1.0]
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in ALL:
            f.widen(f.round_array(extreme))
            for value in extreme:
                f.neighbour(f.round_array(value), 1)
                f.holds(np.asarray(value))


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_every_value_survives_rounding(f):
    """Signed zeros, infinities and NaN included; the dtype is the format's."""
    values = patterns(f)
    rounded = f.round_array(f.widen(values))
    assert f.dtype == rounded.dtype
    assert identical(values, rounded).all()
    assert f.holds(f.widen(values)).all()


@pytest.mark.parametrize("f", [f for f in ALL if f.bits <= 32], ids=by_name)
def test_arrays_round_as_single_values_do(f):
    """At midpoints, their float64 neighbours and beyond the ends, `round_array` equals `round_parts`."""
    low = np.unique(np.abs(f.widen(patterns(f))))
    low = low[np.isfinite(low)][:: max(1, len(low) // 20_000)]
    gap = np.array([math.ldexp(1.0, f.ulp_exponent(*parts(v))) for v in low.tolist()])
    middle = low + gap / 2
    points = np.concatenate([middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)])
    points = np.concatenate([points, -points])
    expected = np.array([f.round_parts(*parts(v)) for v in points.tolist()])
    bad = ~identical(expected, f.round_array(points))
    assert points[bad].tolist() == []


def parts(value: float) -> tuple[int, int]:
    """A finite float as an exact integer mantissa and exponent."""
    fraction, exponent = math.frexp(value)
    return int(fraction * 2**53), exponent - 53


def test_bfloat16_is_not_rounded_twice():
    """1 + 2^-8 is a tie; 2^-40 more must go up, though float32 on the way would forget it."""
    bfloat16 = FORMATS["bfloat16"]
    values = np.array([1 + 2**-8, 1 + 2**-8 + 2**-40, 1 + 3 * 2**-8 - 2**-40, -1 - 2**-8 - 2**-40])
    expected = [1.0, 1 + 2**-7, 1 + 2**-7, -1 - 2**-7]
    assert expected == bfloat16.round_array(values).astype(np.float64).tolist()
    twice = values.astype(ml_dtypes.bfloat16).astype(np.float64).tolist()
    assert expected != twice, "ml_dtypes rounds once now: round_array can become a cast"


@pytest.mark.parametrize("f", [f for f in ALL if f.bits <= 32], ids=by_name)
def test_overflow_begins_half_an_ulp_above_the_largest_value(f):
    """The threshold itself is a tie and goes to infinity; one float64 below it stays finite."""
    threshold = f.max + math.ldexp(1.0, f.emax - f.precision)
    below = math.nextafter(threshold, 0.0)
    got = f.round_array([below, threshold, -below, -threshold, 1.7e308]).astype(np.float64)
    assert [f.max, math.inf, -f.max, -math.inf, math.inf] == got.tolist()


@pytest.mark.parametrize("f", [f for f in ALL if f.bits <= 32], ids=by_name)
def test_underflow_keeps_the_sign_of_zero(f):
    """Half of the smallest subnormal is a tie and goes to zero; just above it does not."""
    half = f.eta / 2
    points = np.array([half, -half, math.nextafter(half, 1.0), 1e-310, -1e-310])
    expected = np.array([0.0, -0.0, f.eta, 0.0, -0.0])
    assert identical(expected, f.round_array(points)).all()


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_shapes_are_kept(f):
    """Scalars, empty arrays, matrices and strided views."""
    assert f.round_array(1.5).shape == ()
    assert f.round_array([]).shape == (0,)
    view = np.arange(24.0).reshape(4, 6)[::2, ::3]
    assert view.shape == f.round_array(view).shape
    turned = f.round_array(view).T
    assert f.ordinal(turned).tolist() == f.ordinal(np.ascontiguousarray(turned)).tolist()


def test_holds_tells_values_of_the_format_from_others():
    """0.1 is no float16; 0.5 and NaN are."""
    expected = [False, True, True, False, True]
    values = np.array([0.1, 0.5, np.nan, 65505.0, np.inf])
    assert expected == FORMATS["float16"].holds(values).tolist()


# -- ordinals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", SMALL, ids=by_name)
def test_ordinals_count_the_values_in_order(f):
    """Sorted distinct values, brute force: consecutive ordinals, with both zeros at 0."""
    values = patterns(f)
    numbers = f.widen(values)
    keep = ~np.isnan(numbers)
    distinct, first = np.unique(numbers[keep], return_index=True)
    ordinals = f.ordinal(values[keep][first])
    last = f.max_ordinal + 1
    assert list(range(-last, last + 1)) == ordinals.tolist()
    assert f.max == distinct[-2]


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_ordinals_come_back(f):
    """from_ordinal inverts ordinal, up to the sign of zero."""
    values = patterns(f)
    values = values[~np.isnan(f.widen(values))]
    back = f.from_ordinal(f.ordinal(values))
    assert f.dtype == back.dtype
    assert (back.astype(np.float64) == values.astype(np.float64)).all()
    places = f.ordinal(values)
    assert places.tolist() == f.ordinal(back).tolist()


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_landmarks_of_the_number_line(f):
    """Zeros at 0, the smallest subnormal at 1, infinity one beyond the largest value."""
    marks = f.round_array([0.0, -0.0, f.eta, -f.eta, f.max, math.inf, -math.inf])
    last = f.max_ordinal
    assert [0, 0, 1, -1, last, last + 1, -last - 1] == f.ordinal(marks).tolist()


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_beyond_infinity_is_infinity(f):
    """Ordinals are clipped to the infinities, even at the ends of int64 less the room to add."""
    far = np.array([f.max_ordinal + 2, -f.max_ordinal - 2, 2**63 - 1, -(2**63) + 1])
    expected = [math.inf, -math.inf, math.inf, -math.inf]
    assert expected == f.from_ordinal(far).astype(np.float64).tolist()


@pytest.mark.parametrize("f", ALL, ids=by_name)
def test_neighbours_are_those_of_nextafter(f):
    """One step up from 1, down from the largest, across zero and out to infinity."""
    start = f.round_array([1.0, f.max, f.max, -f.eta, f.eta, math.inf])
    steps = np.array([1, -1, 1, 2, -2, -1])
    got = np.array([float(f.neighbour(v, int(s))) for v, s in zip(start, steps, strict=True)])
    expected = [
        1 + 2 * f.u,
        f.max - math.ldexp(1.0, f.emax - f.precision + 1),
        math.inf,
        f.eta,
        -f.eta,
        f.max,
    ]
    assert expected == got.tolist()
    if f.dtype.isbuiltin == 1:
        assert f.neighbour(start, 1).tolist()[0] == np.nextafter(start[0], f.dtype.type(2))
