"""Shrinking: the fewest classes, then the simplest numbers, and always something that was shown to fail."""

import math

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.shrink import Shrinker, complexity

FLOAT32 = formats.get("float32")


def shrunk(shows, inputs, op="softmax", fmt=FLOAT32, index=(0,), allowed=None):
    """The smallest example, by a predicate on float64 arrays; every candidate has to be of the format."""
    names = [a.name for a in ops.get(op).arguments]
    asked = []

    def on_arrays(candidates):
        shapes = {tuple(c[n].shape for n in names) for c in candidates}
        assert len(shapes) == 1
        asked.append(len(candidates))
        return [bool(shows(*(np.asarray(c[n]).astype(np.float64) for n in names))) for c in candidates]

    given = {n: fmt.round_array(v) if np.asarray(v).dtype.kind == "f" else np.asarray(v)
             for n, v in zip(names, inputs, strict=True)}  # fmt: skip
    assert on_arrays([given]) == [True]
    result = Shrinker(ops.get(op), fmt, on_arrays, allowed or {}).shrink(given, index)
    assert on_arrays([result]) == [True]
    assert len(asked) <= 170
    return [result[n].tolist() for n in names]


@pytest.mark.parametrize(
    ("shows", "row", "expected"),
    [
        (lambda x: x.max() > 88.72, [3.0, 712.25, -4000.0, 88.9], [89.0]),
        (lambda x: x.max() > 88.72, np.linspace(-1e30, 3e38, 100), [89.0]),
        (lambda x: x.min() < -103.9, [-5000.5, 2.0], [-104.0]),
        (lambda x: x.max() - x.min() > 103.9, [717.5, 20.25, 300.0, 511.0], [0.0, 104.0]),
        (lambda x: x.size > 6, np.arange(16.0) + 0.125, [0.0] * 7),
        (lambda x: x.size > 300, np.arange(2048.0) / 7, [0.0] * 301),
        (
            lambda x: np.isneginf(x).any() and np.isfinite(x).any(),
            [3.5, -np.inf, 4.0, -np.inf],
            [-np.inf, 0.0],
        ),
        (lambda x: np.isnan(x).any(), [3.5, np.nan], [np.nan]),
        (lambda x: 0 < abs(x).max() < 1e-30, [1.7342e-35, 3.1e-39], [2e-35]),
    ],
)
def test_rows(shows, row, expected):
    """What one would write by hand."""
    (result,) = shrunk(shows, [np.asarray(row, dtype=np.float64)], index=(1,))
    np.testing.assert_array_equal(FLOAT32.round_array(expected), FLOAT32.round_array(result))


def test_copies_of_an_element_that_fails_in_company_only():
    """A kernel for registers of eight, wrong beyond 7.3: the fewest copies of the simplest number."""
    row = np.linspace(5.0, 9.0, 64)
    result = shrunk(lambda x: x.size >= 8 and x.max() > 7.3, [row], op="tanh", index=(50,))
    assert [[8.0] * 8] == result


def test_the_failing_element_is_kept():
    """A row whose third class alone matters among 200."""
    row = np.zeros(200)
    row[117] = 91.37
    assert [[89.0]] == shrunk(lambda x: x.max() > 88.72, [row], index=(117,))


def test_one_element_of_an_elementwise_op():
    """The block's 64 numbers become one; without an index each is tried."""
    block = np.linspace(-500.3, 20, 64)
    assert [[-89.0]] == shrunk(lambda x: x.min() < -88.72, [block], op="sigmoid", index=(3,))
    assert [[-89.0]] == shrunk(lambda x: x.min() < -88.72, [block], op="sigmoid", index=())


def test_class_indices_move_with_their_classes():
    """A label keeps pointing at its class."""
    result = shrunk(
        lambda x, t: x[int(t)] < -50, [np.array([3.0, 1.5, -77.0, 9.0]), np.array(2)], op="cross_entropy_grad"
    )
    assert [[-51.0], 0] == result


def test_bounds_are_respected():
    """Nothing leaves the domain, or the range that was given."""
    allowed = {"x": (100.0, 1000.0)}
    assert [[100.0]] == shrunk(lambda x: x.max() > 88.72, [np.array([717.3, 400.0])], allowed=allowed)


def test_numbers_are_of_the_format():
    """In float16 the cliff of exp is at 11.09."""
    result = shrunk(lambda x: x.max() > 11.09, [np.array([1000.0, 64000.0])], fmt=formats.get("float16"))
    assert [[12.0]] == result


def test_complexity_orders_numbers_as_a_reader_would():
    """0, small whole numbers, their negatives, larger ones, few digits, many digits."""
    rising = [0.0, 1.0, -1.0, 2.0, 89.0, -89.0, 4000.0, 0.5, 1e30, 88.5, 88.723, 88.72284]
    assert rising == sorted(rising, key=complexity)
    assert complexity(0.0) < complexity(-0.0) < complexity(1.0) < complexity(math.inf)


@pytest.mark.parametrize(
    ("target", "op", "dtype", "code", "expected"),
    [
        ("naive_softmax", "softmax", "float32", "SC101", [89.0]),
        ("naive_softmax", "softmax", "float64", "SC101", [710.0]),
        ("naive_softmax", "softmax", "float16", "SC101", [12.0]),
        ("naive_softmax", "softmax", "bfloat16", "SC101", [89.0]),
        ("log_of_softmax", "log_softmax", "float32", "SC102", [0.0, 104.0]),
        ("log_of_softmax", "log_softmax", "float64", "SC102", [0.0, 746.0]),
    ],
)
def test_of_the_textbook(target, op, dtype, code, expected, targets, check, by_code):
    """The minimal inputs that everybody knows, whatever they were drawn from."""
    minimal = by_code(check(targets[target], op, dtype))[code].minimal
    assert expected == sorted(abs(v) for v in minimal.inputs["x"].astype(np.float64).tolist())


def test_a_stalled_sum_shrinks_to_its_shortest_row(targets, check, by_code):
    """A bfloat16 sum of ones stalls at 256: half of it is lost, which no relative gate forgives, from 385."""
    report = check(
        targets["stalling_softmax"], dtypes="bfloat16", max_examples=20, max_classes=1500, regimes=("long",)
    )
    x = by_code(report)["SC201"].minimal.inputs["x"].astype(np.float64)
    assert (385, False) == (x.size, bool(x.any()))
    row = formats.get("bfloat16").round_array(x)
    once = check(targets["stalling_softmax"], dtypes="bfloat16", examples=[row[1:]], regimes=("single",))
    assert "SC201" not in by_code(once)


def test_no_infinity_comes_in():
    """1.8e308 has no simpler form of one digit: 2e308 is infinite."""
    (result,) = shrunk(lambda x: x.max() > 1.75e308, [np.array([1.79e308])], fmt=formats.get("float64"))
    assert [1.79e308] >= result > [1.75e308]


def test_fewer_classes_with_larger_numbers():
    """A mean of three may be what overflows: two that are further apart have as large a mean."""
    assert [[0.0, 178.0]] == shrunk(lambda x: x.max() - x.mean() > 88.7, [np.array([0.0, 0.0, 133.5])])
