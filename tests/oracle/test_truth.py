"""Seeing an enclosure through a format: place, its rounding, and the search for contradictions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.scaled import Scaled
from stabcheck.oracle.truth import Kind, Truth, place

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]


def enclosure(heads, tails, exponents, radius=0.0):
    """An enclosure from lists; every tail is at most half an ulp of its head."""
    head, tail = np.asarray(heads, dtype=np.float64), np.asarray(tails, dtype=np.float64)
    assert np.all(np.abs(tail) <= np.spacing(np.abs(head)) / 2)
    width = np.broadcast_to(np.asarray(radius, dtype=np.float64), head.shape)
    return Enclosure(head, tail, np.asarray(exponents, dtype=np.int64), width.copy())


def exact(head, tail, exponent):
    """The real that a head, a tail and an exponent stand for, as (mantissa, exponent)."""
    value = Fraction(head) + Fraction(tail)
    return value.numerator, 1 - value.denominator.bit_length() + int(exponent)


def hard_values(fmt, rng, count):
    """Heads near numbers of the format, halfway points and binade edges; tails of every size, either sign."""
    p = fmt.precision
    mantissas = rng.integers(2 ** (p - 1), 2**p, count)
    edge = rng.random(count) < 0.25
    mantissas = np.where(edge, 2 ** (p - 1) + rng.integers(0, 2, count), mantissas)
    quarters = rng.integers(0, 4, count) if p <= 50 else np.zeros(count, dtype=np.int64)
    quarters = np.where(rng.random(count) < 0.5, 2 * (quarters // 2), quarters)  # halfway more often
    head = np.ldexp((mantissas + quarters / 4) * rng.choice([-1, 1], count), -p)
    tail = rng.choice([-1.0, 0.0, 1.0], count) * np.ldexp(
        np.spacing(np.abs(head)), -rng.integers(1, 200, count)
    )
    places = np.concatenate(
        [
            rng.integers(fmt.emin - p - 2, fmt.emin + 3, count // 3),
            rng.integers(fmt.emax - 1, fmt.emax + 4, count // 3),
            rng.integers(fmt.emin, fmt.emax, count - 2 * (count // 3)),
        ]
    )
    return head, tail, places


@pytest.mark.parametrize("fmt", ALL)
def test_rounding_is_that_of_the_format(fmt):
    """To nearest, ties to even where the tail is nothing, by the tail's sign where it is not; subnormal
    numbers, binade edges and the edge of overflow included."""
    rng = np.random.default_rng(5)
    head, tail, exponent = hard_values(fmt, rng, 6000)
    placed = place(enclosure(head, tail, exponent), fmt)
    expected = [fmt.round_parts(*exact(*v)) for v in zip(head, tail, exponent, strict=True)]
    np.testing.assert_array_equal(placed.rounded, expected)
    assert {math.inf, -math.inf} < set(expected)
    assert any(0 < abs(e) < fmt.tiny for e in expected)


@pytest.mark.parametrize("fmt", ALL)
def test_places_are_exact(fmt):
    """(head + tail) 2^unit is the real and step 2^unit its ulp, also just below a power of two; beyond the
    largest binade it is max + 1 ulp."""
    rng = np.random.default_rng(6)
    head, tail, exponent = hard_values(fmt, rng, 3000)
    tail[np.abs(tail) < 2.0**-400] = 0
    placed = place(enclosure(head, tail, exponent), fmt)
    ceiling = Fraction(2) ** (fmt.emax + 1)
    for i, (h, t, e) in enumerate(zip(head, tail, exponent, strict=True)):
        mantissa, shift = exact(h, t, e)
        real = Fraction(mantissa) * Fraction(2) ** shift
        clamped = max(min(real, ceiling), -ceiling)
        unit = int(np.broadcast_to(placed.unit, head.shape)[i])
        seen = (Fraction(placed.head[i]) + Fraction(placed.tail[i])) * Fraction(2) ** unit
        assert clamped == seen
        ulp = min(fmt.ulp_exponent(mantissa, shift), fmt.emax - fmt.precision + 1)
        assert math.ldexp(1, ulp) == np.broadcast_to(placed.ulp, head.shape)[i]
    assert not placed.radius.any()


@pytest.mark.parametrize("fmt", ALL)
def test_a_tail_decides_a_tie_however_small_it_is(fmt):
    """1 + u is halfway: it goes to the even 1, a trifle above it up, a trifle below it down; 1 + 3 u
    likewise with the even neighbour above."""
    if fmt.precision == 53:
        heads, tails = [0.5, 0.5, 0.5], [0.5 * fmt.u, 0.5 * fmt.u * (1 - 2.0**-50), 0.25 * fmt.u]
        expected = [1.0, 1.0, 1.0]
    else:
        low, high = 0.5 * (1 + fmt.u), 0.5 * (1 + 3 * fmt.u)
        heads, tails = [low] * 3 + [high] * 3, [0, 2.0**-150, -(2.0**-150)] * 2
        up, two = 1 + 2 * fmt.u, 1 + 4 * fmt.u
        expected = [1, up, 1, two, two, up]
    placed = place(enclosure(heads, tails, [1] * len(heads)), fmt)
    assert expected == placed.rounded.tolist()


@pytest.mark.parametrize("fmt", ALL)
def test_the_edge_of_overflow(fmt):
    """max + 1/2 ulp is halfway to 2^(emax + 1) and goes there: to an infinity."""
    half = fmt.u / 2
    rows = {0.0: math.inf, 2.0**-120: math.inf, -(2.0**-120): fmt.max}
    if fmt.precision == 53:
        placed = place(enclosure([1 - fmt.u] * 2, [fmt.u / 2, fmt.u / 4], [1024] * 2), fmt)
        assert [math.inf, fmt.max] == placed.rounded.tolist()
    else:
        placed = place(enclosure([1 - half] * 3, list(rows), [fmt.emax + 1] * 3), fmt)
        assert list(rows.values()) == placed.rounded.tolist()


@pytest.mark.parametrize("fmt", ALL)
def test_zero_unknown_and_far_away(fmt):
    """Zero is zero in steps of eta; what has no value is unknown; 2^(-10^17) is no zero, but rounds to it."""
    far = 10**17
    placed = place(Enclosure(np.array([0.0, math.nan, 0.5, 0.5]), np.zeros(4), np.array([0, 0, -far, far]),
                             np.array([0.0, 0.0, 0.0, 0.0])), fmt)  # fmt: skip
    np.testing.assert_array_equal(placed.rounded, [0.0, math.nan, 0.0, math.inf])
    assert [fmt.eta] * 2 == [placed.ulp[0], placed.ulp[2]]
    assert [0.0, math.inf] == placed.radius[:2].tolist()
    assert 0 < placed.radius[2] < 2.0**-700
    ulp = math.ldexp(1, fmt.emax - fmt.precision + 1)
    assert [2.0**fmt.precision, 0.0] == [placed.head[3] / placed.step.max(), placed.radius[3]]
    assert placed.ulp[3] == ulp


def test_a_wide_enclosure_of_something_large_stays_unknown():
    """Beyond the largest binade the clamp needs a proof that all of the enclosure is there."""
    fmt = formats.get("float32")
    sure, unsure = enclosure([0.5], [0], [140], 0.1), enclosure([0.5], [0], [129], 0.3)
    assert [0.0, math.inf] == [place(sure, fmt).radius[0], place(unsure, fmt).radius[0]]
    far = [enclosure([0.5], [0], [5000], radius) for radius in (0.1, 0.6, math.inf)]
    for wide in (fmt, formats.get("float64")):
        assert [0.0, math.inf, math.inf] == [place(e, wide).radius[0] for e in far]


FLOAT32 = formats.get("float32")


def truth_of(e, fmt=FLOAT32, kind=Kind.NUMBER):
    placed = place(e, fmt)
    gate = Scaled.of(np.ones(placed.head.shape))
    kinds = np.full(placed.head.shape, kind, dtype=np.int8)
    return Truth(
        fmt,
        kinds,
        placed.head,
        placed.tail,
        placed.radius,
        placed.unit,
        placed.step,
        gate,
        gate,
        np.zeros(kinds.shape),
        np.zeros(kinds.shape[:1], dtype=np.int8),
    )


def test_two_enclosures_of_one_number_do_not_contradict():
    """Whatever their midpoints, as long as they meet; also across the edge of a binade."""
    edge = 2.0**-40
    pairs = [
        (enclosure([0.75], [0], [3]), enclosure([0.75], [0], [3])),
        (enclosure([0.75], [0], [3], edge), enclosure([0.75 + edge], [0], [3])),
        (enclosure([0.5], [0], [1], edge), enclosure([1 - edge], [0], [0], edge)),
        (enclosure([0.75], [0], [3], math.inf), enclosure([-0.75], [0], [9])),
        (enclosure([0.5], [0], [-3000]), enclosure([0.75], [0], [-4000])),
    ]
    assert [False] * len(pairs) == [bool(truth_of(a).contradicts(truth_of(b))[0]) for a, b in pairs]


@pytest.mark.parametrize("fmt", ALL)
def test_a_planted_shift_is_a_contradiction(fmt):
    """By a millionth of an ulp, by twice the radius, by a sign, by a kind."""
    millionth = 2.0 ** -(fmt.precision + 20)
    base = enclosure([0.75], [0], [3], millionth / 1024)
    head = 0.75 + millionth
    shifted = [
        enclosure([head], [millionth - (head - 0.75)], [3]),
        enclosure([-0.75], [0], [3]),
        enclosure([0.75], [0], [4]),
    ]
    assert [True] * 3 == [bool(truth_of(base, fmt).contradicts(truth_of(s, fmt))[0]) for s in shifted]
    infinite = truth_of(base, fmt, Kind.PLUS_INFINITY)
    assert truth_of(base, fmt).contradicts(infinite)[0]
    assert not truth_of(base, fmt, Kind.NAN).contradicts(truth_of(base, fmt, Kind.NAN))[0]


def test_rows_are_taken_and_put_back():
    """take copies examples with all they have; put replaces them, in place; by_element is a view."""
    truth = truth_of(enclosure([[0.5, 0.75], [0.625, 0.875]], np.zeros((2, 2)), np.zeros((2, 2))))
    other = truth_of(enclosure([[0.5625, 0.5]], np.zeros((1, 2)), np.ones((1, 2))))
    other.rung[:] = 3
    truth.put(np.array([1]), other)
    assert [[0.5, 0.75], [1.125, 1.0]] == truth.rounded.tolist()
    assert [0, 3] == truth.rung.tolist()
    part = truth.take(np.array([1]))
    assert ([[1.125, 1.0]], [3]) == (part.rounded.tolist(), part.rung.tolist())


def test_the_elements_of_a_truth_are_a_view_of_it():
    """Writing to one element writes to the block, its gates included."""
    truth = truth_of(enclosure([[0.5, 0.75]], np.zeros((1, 2)), np.zeros((1, 2))))
    truth.rung = np.zeros((1, 2), dtype=np.int8)
    one = truth_of(enclosure([[0.5]], [[0]], [[9]]))
    one.stable.put(np.array([0]), Scaled.of(np.full((1, 1), 7.0)))
    truth.by_element().put(np.array([1]), one)
    assert [[0.5, 256.0]] == truth.rounded.tolist()
    assert [[1.0, 7.0]] == truth.stable.floats().tolist()
