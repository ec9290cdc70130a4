"""The interval context: formulas, extended reals, undecided conditions, shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from mpmath.libmp import finf, fnan, fninf, fone, from_float, fzero, mpf_cmp, mpf_sub, to_float

from stabcheck import formats
from stabcheck.oracle.interval_arithmetic import NO_VALUE, WHOLE
from stabcheck.oracle.intervals import IntervalContext, Intervals
from stabcheck.oracle.mpf_functions import Bounds, Mpf

INF, NAN = math.inf, math.nan
K = IntervalContext(128)
FLOAT64 = formats.get("float64")


def only(a: Intervals) -> Bounds:
    """The bounds of the one element."""
    lo, hi = K.ends(a)
    return lo.item(), hi.item()


def point(x: float) -> Bounds:
    raw: Mpf = from_float(x)
    return raw, raw


def contains(a: Intervals, x: float) -> bool:
    lo, hi = only(a)
    return bool(mpf_cmp(lo, from_float(x)) <= 0 <= mpf_cmp(hi, from_float(x)))


def hazy(lo: float, hi: float) -> Intervals:
    """An interval with these ends."""
    bit = K.value(Fraction(1, 3)) * 3 < 1  # 1 exactly, which intervals cannot know
    return K.where(bit, K.value(lo), K.value(hi))


def widths(a: Intervals) -> np.ndarray:
    lo, hi = K.ends(a)
    return np.vectorize(lambda low, high: to_float(mpf_sub(high, low)), otypes=[float])(lo, hi)


# -- numbers mix in exactly ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [3, 0.1, np.float32(0.1), np.float64(0.1), np.int64(3), True])
def test_numbers_are_exact(number: float) -> None:
    """Ints, floats and NumPy scalars on either side of an operator are taken exactly."""
    zero = K.value(0)
    assert point(float(number)) == only(zero + number) == only(number + zero) == only(K.value(number))


def test_numpy_scalar_on_the_left_defers() -> None:
    """np.float64 * intervals is intervals, not an array of objects."""
    assert point(6.0) == only(np.float64(2.0) * K.value(3))


def test_fraction_is_enclosed() -> None:
    """1/3 has no binary expansion: its interval is open on both sides, and 3 times it contains 1."""
    third = K.value(Fraction(1, 3))
    assert third.lo.item() != third.hi.item()
    assert contains(third * 3, 1.0)
    assert point(0.75) == only(K.value(Fraction(3, 4)))


def test_exact_operations_stay_points() -> None:
    """Results that need no rounding have equal ends."""
    x = K.array(np.array([1.5, -2.25, 2.0**-60]))
    for result in (x + 1, x - 1, 2 * x, x / 4, -x, x**2, K.abs(x), K.sum(x), K.max(x), K.sqrt(x * x)):
        assert all(lo == hi for lo, hi in zip(*map(np.ravel, K.ends(result)), strict=True))


def test_transcendental_ends_never_meet() -> None:
    """exp of anything but 0 and +-inf is irrational: equal ends would be a lie."""
    x = K.array(np.array([2.0**-128, -(2.0**-160), 1.0, 5e-324, 700.0]))
    for result in (K.exp(x), K.expm1(x), K.log1p(x), K.tanh(x), K.log(1 + K.abs(x) * 2.0**20)):
        assert np.all(widths(result) > 0) or np.all(np.ravel(result.lo) != np.ravel(result.hi))


# -- formulas ------------------------------------------------------------------------------------------


def test_softmax_and_logsumexp() -> None:
    """The textbook's formulas on a block give the known values, proved to a float64."""
    x = K.array(np.array([[0.0, 0.0, -INF], [1000.0, 1000.0 + math.log(3), 1000.0]]))
    e = K.exp(x)
    lo, hi = K.rounded_ends(e / K.sum(e), FLOAT64)
    np.testing.assert_array_equal(lo, hi)
    np.testing.assert_allclose(lo, [[0.5, 0.5, 0.0], [0.2, 0.6, 0.2]], rtol=1e-13)
    lo, hi = K.rounded_ends(K.log(K.sum(K.exp(x))), FLOAT64)
    np.testing.assert_array_equal(lo, hi)
    np.testing.assert_allclose(lo, [[math.log(2)], [1000 + math.log(5)]], rtol=1e-15)


def test_fixed_precision_does_not_lie() -> None:
    """log(exp(0) + exp(-150)) is undecided at 200 bits (plain mpf says 0) and decided at 300."""
    x = np.array([[0.0, -150.0]])
    for precision, decided in ((200, False), (300, True)):
        k = IntervalContext(precision)
        lo, hi = k.rounded_ends(k.log(k.sum(k.exp(k.array(x)))), FLOAT64)
        assert decided == (lo == hi).item()
    assert math.exp(-150) == pytest.approx(lo.item(), rel=1e-15)


@pytest.mark.parametrize("precision", [64, 200, 1000])
def test_log_undoes_exp(precision: int) -> None:
    """log(exp(x)) contains x, also for |x| near 2^-precision, where mpmath's intervals say 0."""
    k = IntervalContext(precision)
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.normal(size=300) * 10.0 ** rng.integers(-30, 300, 300), 2.0**-precision * rng.normal(size=300)]
    )
    y = k.log(k.exp(k.array(x)))
    difference = k.ends(y - k.array(x))
    assert all(lo[0] or lo == fzero for lo in difference[0])
    assert all(not hi[0] for hi in difference[1])


def test_tanh_is_made_of_expm1() -> None:
    """tanh x = expm1(2x) / (expm1(2x) + 2): two independent routes overlap and are narrow."""
    x = np.concatenate([np.geomspace(1e-300, 30, 400), -np.geomspace(1e-300, 30, 400)])
    t = K.expm1(K.array(x) * 2)
    a, b = K.tanh(K.array(x)), t / (t + 2)
    for a_lo, a_hi, b_lo, b_hi in zip(*K.ends(a), *K.ends(b), strict=True):
        assert mpf_cmp(a_lo, b_hi) <= 0 <= mpf_cmp(a_hi, b_lo)
    assert np.all(widths(a) <= 2.0**-120 * np.abs(np.tanh(x)))


@pytest.mark.parametrize("function", ["expm1", "log1p", "tanh"])
def test_relative_accuracy_around_zero(function: str) -> None:
    """expm1, log1p and tanh of a tiny x are x, to 120 bits of x itself."""
    x = np.array([1e-5, -1e-20, 2.0**-128, -(2.0**-200), 1e-300])
    y = getattr(K, function)(K.array(x))
    assert np.all(widths(y) <= 2.0**-120 * np.abs(x))
    np.testing.assert_allclose(K.rounded_ends(y, FLOAT64)[0], x, rtol=1e-4)


def test_more_precision_is_narrower() -> None:
    """Each doubling of the precision squares the relative width and stays inside the former interval."""
    x = np.array([[0.3, -2.0, 5.0]])
    former: tuple[Mpf, Mpf] | None = None
    for precision in (64, 128, 256, 512):
        k = IntervalContext(precision)
        e = k.exp(k.array(x))
        lo, hi = (end[0, 0] for end in k.ends(k.log1p(e / k.sum(e))))
        assert to_float(mpf_sub(hi, lo)) < 2.0 ** (6 - precision)
        if former is not None:
            assert mpf_cmp(former[0], lo) <= 0 <= mpf_cmp(former[1], hi)
        former = lo, hi


def test_sum_is_exact_within_reach() -> None:
    """Cancellation of far larger terms costs nothing while the terms span less than the working bits."""
    assert point(2.0**-100) == only(K.sum(K.array(np.array([2.0**60, 2.0**-100, -(2.0**60)]))))


def test_sum_beyond_reach_is_enclosed() -> None:
    """Terms below the last bit widen the interval; they never vanish."""
    a = K.sum(K.array(np.array([1.0, 5e-324, -1.0])))
    lo, hi = only(a)
    assert contains(a, 5e-324)
    assert to_float(mpf_sub(hi, lo)) < 2.0**-180


# -- huge arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", [64, 128, 1024])
@pytest.mark.parametrize("x", [1.7976931348623157e308, -1.7976931348623157e308, 2.0**1000, -1e300])
def test_exp_of_the_largest_doubles(x: float, precision: int) -> None:
    """exp(+-1.8e308) is a number, its log is x again, and it rounds to infinity or zero."""
    k = IntervalContext(precision)
    e = k.exp(k.array(np.array([x])))
    back = k.log(e)
    assert contains(back, x)
    lo, hi = k.rounded_ends(e, FLOAT64)
    assert lo == hi == [INF if x > 0 else 0.0]


def test_towers_of_exponentials_end() -> None:
    """exp(exp(1e308)) and exp(-exp(1e308)) are vast and minute, not a memory error."""
    e = K.exp(K.value(1e308))
    assert finf == only(K.exp(e))[1]
    assert ([INF], [INF]) == tuple(list(np.atleast_1d(end)) for end in K.rounded_ends(K.exp(e), FLOAT64))
    assert fzero == only(K.exp(-e))[0]
    assert ([0.0], [0.0]) == tuple(list(np.atleast_1d(end)) for end in K.rounded_ends(K.exp(-e), FLOAT64))


# -- extended reals ------------------------------------------------------------------------------------

LIMITS: list[tuple[str, Callable[[], Intervals], Bounds]] = [
    ("exp(-inf)", lambda: K.exp(K.value(-INF)), point(0.0)),
    ("exp(inf)", lambda: K.exp(K.value(INF)), point(INF)),
    ("exp(0)", lambda: K.exp(K.value(0)), point(1.0)),
    ("expm1(-inf)", lambda: K.expm1(K.value(-INF)), point(-1.0)),
    ("expm1(inf)", lambda: K.expm1(K.value(INF)), point(INF)),
    ("log(0)", lambda: K.log(K.value(0)), point(-INF)),
    ("log(1)", lambda: K.log(K.value(1)), point(0.0)),
    ("log(inf)", lambda: K.log(K.value(INF)), point(INF)),
    ("log(-1)", lambda: K.log(K.value(-1)), NO_VALUE),
    ("log(-inf)", lambda: K.log(K.value(-INF)), NO_VALUE),
    ("log of either sign", lambda: K.log(hazy(-1, 1)), WHOLE),
    ("log1p(-1)", lambda: K.log1p(K.value(-1)), point(-INF)),
    ("log1p(-2)", lambda: K.log1p(K.value(-2)), NO_VALUE),
    ("log1p(inf)", lambda: K.log1p(K.value(INF)), point(INF)),
    ("tanh(-inf)", lambda: K.tanh(K.value(-INF)), point(-1.0)),
    ("sqrt(inf)", lambda: K.sqrt(K.value(INF)), point(INF)),
    ("sqrt(-1)", lambda: K.sqrt(K.value(-1)), NO_VALUE),
    ("abs(-inf)", lambda: K.abs(K.value(-INF)), point(INF)),
    ("abs around zero", lambda: K.abs(hazy(-2, 1)), (fzero, from_float(2.0))),
    ("inf - inf", lambda: K.value(INF) - INF, NO_VALUE),
    ("inf + inf", lambda: K.value(INF) + INF, point(INF)),
    ("inf - 1", lambda: K.value(INF) - 1, point(INF)),
    ("0 * inf", lambda: K.value(0) * INF, NO_VALUE),
    ("-2 * inf", lambda: K.value(-2) * INF, point(-INF)),
    ("0 * perhaps inf", lambda: K.value(0) * hazy(1, INF), WHOLE),
    ("x / inf", lambda: K.value(-3) / INF, point(0.0)),
    ("inf / inf", lambda: K.value(INF) / INF, NO_VALUE),
    ("0 / 0", lambda: K.value(0) / 0, NO_VALUE),
    ("1 / 0", lambda: K.value(1) / 0, NO_VALUE),
    ("1 / what may be 0", lambda: 1 / hazy(-1, 1), WHOLE),
    ("1 / perhaps 0", lambda: 1 / hazy(0, 1), WHOLE),
    ("1 / around 0", lambda: 1 / hazy(-1, 1), WHOLE),
    ("1 / [1, inf]", lambda: 1 / hazy(1, INF), (fzero, fone)),
    ("-1 / [-inf, -1]", lambda: -1 / hazy(-INF, -1), (fzero, fone)),
    ("inf ** 2", lambda: K.value(-INF) ** 2, point(INF)),
    ("(-inf) ** 3", lambda: K.value(-INF) ** 3, point(-INF)),
    ("(-inf) ** -1", lambda: K.value(-INF) ** -1, point(0.0)),
    ("x ** 0", lambda: K.value(7) ** 0, point(1.0)),
    ("max(-inf, 3)", lambda: K.maximum(K.value(-INF), 3), point(3.0)),
    ("min(-inf, 3)", lambda: K.minimum(K.value(-INF), 3), point(-INF)),
    ("max of intervals", lambda: K.maximum(hazy(0, 2), hazy(1, 4)), (fone, from_float(4.0))),
    ("xlogy(0, 0)", lambda: K.xlogy(K.value(0), K.value(0)), point(0.0)),
    ("xlogy(0, -1)", lambda: K.xlogy(K.value(0), K.value(-1)), point(0.0)),
    ("xlogy(2, 0)", lambda: K.xlogy(K.value(2), K.value(0)), point(-INF)),
    ("xlogy(2, 1)", lambda: K.xlogy(K.value(2), K.value(1)), point(0.0)),
    ("sum with -inf", lambda: K.sum(K.array(np.array([1.0, -INF]))), point(-INF)),
    ("sum of inf and -inf", lambda: K.sum(K.array(np.array([INF, 1.0, -INF]))), NO_VALUE),
    ("empty sum", lambda: K.sum(K.array(np.zeros(0))), point(0.0)),
    ("empty max", lambda: K.max(K.array(np.zeros(0))), point(-INF)),
    ("max of all -inf", lambda: K.max(K.array(np.array([-INF, -INF]))), point(-INF)),
]


@pytest.mark.parametrize(("what", "compute", "expected"), LIMITS, ids=[row[0] for row in LIMITS])
def test_extended_reals(what: str, compute: Callable[[], Intervals], expected: Bounds) -> None:
    """Limits are taken; what has none is "no value", or unknown while that is undecided."""
    assert expected == only(compute())


@pytest.mark.parametrize(
    "compute",
    [
        lambda a: a + 1,
        lambda a: a * 0,
        lambda a: 1 / a,
        lambda a: a**2,
        lambda a: -a,
        lambda a: K.exp(a),
        lambda a: K.tanh(a),
        lambda a: K.log(a),
        lambda a: K.abs(a),
        lambda a: K.maximum(a, 5),
        lambda a: K.minimum(5, a),
        lambda a: K.sum(a),
        lambda a: K.max(a),
        lambda a: K.tanh(a) * 0,
    ],
)
@pytest.mark.parametrize("bounds", [NO_VALUE, WHOLE], ids=["no value", "unknown"])
def test_unknown_absorbs(bounds: Bounds, compute: Callable[[Intervals], Intervals]) -> None:
    """What may have no value stays so: tanh(unknown) * 0 is not certified as 0."""
    a = (
        K.log(K.array(np.array([-1.0])))
        if bounds == NO_VALUE
        else 1 / (K.array(np.array([0.0])) + hazy(-1, 1))
    )
    assert bounds == only(compute(a))


# -- conditions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((0, 1), (2, 3), {"<": 1.0, "<=": 1.0, ">": 0.0, ">=": 0.0}),
        ((2, 3), (0, 1), {"<": 0.0, "<=": 0.0, ">": 1.0, ">=": 1.0}),
        ((0, 2), (1, 3), {"<": None, "<=": None, ">": None, ">=": None}),
        ((0, 1), (1, 2), {"<": None, "<=": 1.0, ">": 0.0, ">=": None}),
        ((1, 1), (1, 1), {"<": 0.0, "<=": 1.0, ">": 0.0, ">=": 1.0}),
        ((-INF, -INF), (0, 0), {"<": 1.0, "<=": 1.0, ">": 0.0, ">=": 0.0}),
    ],
)
def test_where(
    left: tuple[float, float], right: tuple[float, float], expected: dict[str, float | None]
) -> None:
    """A decided condition picks its branch, an undecided one gives the hull of both."""
    a, b = hazy(*left), hazy(*right)
    for sign, condition in {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}.items():
        wanted = expected[sign]
        bounds = (fzero, fone) if wanted is None else point(wanted)
        assert bounds == only(K.where(condition, 1, 0)), sign


def test_where_takes_masks_and_fractions() -> None:
    """NumPy masks select elementwise; branches may be numbers of any kind."""
    a = K.where(np.array([True, False]), K.array(np.array([1.0, 2.0])), Fraction(1, 4))
    assert [1.0, 0.25] == list(K.rounded_ends(a, FLOAT64)[0])


def test_where_ignores_the_branch_not_taken() -> None:
    """A branch without a value does no harm where it is not selected, and is unknown where it may be."""
    bad = K.log(K.value(-1))
    assert point(3.0) == only(K.where(K.value(1) > 0, 3, bad))
    assert WHOLE == only(K.where(hazy(-1, 1) > 0, 3, bad))
    assert WHOLE == only(K.where(bad > 0, 3, 4))


def test_condition_is_no_truth_value() -> None:
    """`if x < y` on intervals raises and names k.where."""
    with pytest.raises(TypeError, match=r"k\.where"):
        bool(K.value(1) < 2)


# -- shapes --------------------------------------------------------------------------------------------


def test_reductions_keep_their_axis() -> None:
    """sum and max over any axis keep it with length 1."""
    x = np.arange(24.0).reshape(2, 3, 4)
    for axis in (-1, -2, 0):
        for ours, numpys in ((K.sum, np.sum), (K.max, np.max)):
            expected = numpys(x, axis=axis, keepdims=True)
            np.testing.assert_array_equal(K.rounded_ends(ours(K.array(x), axis), FLOAT64)[1], expected)


def test_matmul_transpose_take() -> None:
    """Products of small integers are exact; take picks one entry of each row and broadcasts."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (5, 3, 4)).astype(float), rng.integers(-9, 9, (4, 2)).astype(float)
    product = K.matmul(K.array(a), K.array(b))
    np.testing.assert_array_equal(K.rounded_ends(product, FLOAT64)[0], a @ b)
    np.testing.assert_array_equal(K.rounded_ends(product, FLOAT64)[1], a @ b)
    swapped = K.rounded_ends(K.transpose(K.array(a)), FLOAT64)[0]
    np.testing.assert_array_equal(swapped, a.swapaxes(-1, -2))
    index = rng.integers(0, 4, (5, 3, 1))
    taken = K.take(K.array(a), index)
    np.testing.assert_array_equal(K.rounded_ends(taken, FLOAT64)[0], np.take_along_axis(a, index, -1))
    row = K.take(K.array(a[0, 0]), np.array([[2], [0]]))
    assert (2, 1) == K.shape(row)


def test_pivot_is_the_first_largest() -> None:
    """One True per row, at the first of equal maxima, also in rows of -inf."""
    x = np.array([[1.0, 3.0, 3.0], [-INF, -INF, -INF], [-INF, 0.0, -1.0]])
    expected = [[False, True, False], [True, False, False], [False, True, False]]
    np.testing.assert_array_equal(K.pivot(K.array(x)), expected)


def test_scalars_have_shape_0() -> None:
    """0-d values survive every operation as 0-d values."""
    a = K.value(2)
    for b in (a + 1, K.exp(a), -a, a**3, K.where(a > 1, a, 0), K.maximum(a, Fraction(1, 3))):
        assert () == K.shape(b)


# -- rounding both ends --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", formats.FORMATS)
def test_rounded_ends_of_points(name: str) -> None:
    """Both ends of a point round to the same number of the format, as `round_array` does."""
    target = formats.get(name)
    rng = np.random.default_rng(0)
    x = rng.normal(size=500) * 10.0 ** rng.uniform(-330, 308, 500)
    x = np.concatenate([x, [target.max * 1.5, -target.eta / 2, target.eta * 0.75, 0.0, INF, -INF]])
    lo, hi = K.rounded_ends(K.array(x), target)
    np.testing.assert_array_equal(lo, hi)
    np.testing.assert_array_equal(lo, target.widen(target.round_array(x)))


def test_rounded_ends_of_no_value() -> None:
    """No value is NaN at both ends."""
    lo, hi = K.rounded_ends(K.log(K.value(-1)), FLOAT64)
    assert np.isnan(lo)
    assert np.isnan(hi)
    assert (fnan, fnan) == NO_VALUE
    assert (fninf, finf) == WHOLE
