"""The ladder: rungs that agree, refinement that decides, and an honest end where nothing can be decided."""

import math
from functools import cache
from itertools import chain, count

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.verdicts import decide
from stabcheck.judge import JUDGED
from stabcheck.ops.op import Argument, Gates, Op
from stabcheck.oracle.doubles import EXTENDED
from stabcheck.oracle.ladder import PRECISIONS, Oracle, by_element, rungs_for
from stabcheck.oracle.truth import Kind
from stabcheck.strategies.recipes import Draws, blocks

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]
FLOAT32, FLOAT64 = formats.get("float32"), formats.get("float64")


def hard_blocks(op, options, fmt, seed, elements):
    """Blocks of a few short examples from every regime in turn, `elements` outputs in all."""
    draws = (Draws(op, options, fmt, 400, s, max_classes=17, specials="extended") for s in count(seed))
    for block in chain.from_iterable(map(blocks, draws)):
        if elements <= 0:
            return
        inputs = block.of_each(2).inputs
        if op.kind == "elementwise":
            inputs = {name: a[:, :6] for name, a in inputs.items()}
        if 0 < max(a.size for a in inputs.values()) <= 256:  # of empty rows the balls know nothing
            elements -= math.prod(op.output_shape({n: a.shape for n, a in inputs.items()}))
            yield inputs


def agree(name, fmt, elements, seed=0):
    """Every rung below the authority against it; returns how many truths were settled there."""
    op = ops.get(name)
    options = op.parse_options({})
    op = op.under(options)
    oracle = Oracle(op, fmt, options)
    settled = 0
    for inputs in hard_blocks(op, options, fmt, seed, elements):
        sure = oracle.authority(inputs)
        numbers = (sure.kind == Kind.NUMBER) & np.isfinite(sure.radius)
        settled += int(numbers.sum())
        for number, rung in enumerate(oracle.rungs[:3]):
            quick = oracle._at(number, inputs)
            wrong = quick.contradicts(sure)
            assert not wrong.any(), (name, rung.name, np.argwhere(wrong)[:3], inputs)
            head, tail, radius = (a / quick.step for a in (quick.head, quick.tail, quick.radius))
            certain = numbers & (radius < 1e-3) & (np.abs(tail) < 0.4)
            narrow = certain & (np.abs(np.where(certain, head, 0) % 1 - 0.5) > 0.1)
            np.testing.assert_array_equal(quick.rounded[narrow], sure.rounded[narrow])
    return settled


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("name", ops.names())
def test_rungs_agree_with_the_authority(name, fmt):
    """On hard inputs of every regime no two enclosures of a truth miss each other."""
    assert agree(name, fmt, 32) > 4


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("name", ops.names())
def test_rungs_agree_with_the_authority_often(name, fmt):
    """The same on some hundred elements."""
    assert agree(name, fmt, 500, seed=1) > 100


def test_formats_have_their_ladders():
    """Light balls first for formats of 32 bits and less; the authority last, with growing precision."""
    names = {f: [r.name for r in rungs_for(formats.get(f))] for f in formats.FORMATS}
    last = [f"intervals({p})" for p in PRECISIONS]
    assert ["double-double balls", *last] == names["float64"]
    assert {("balls", "double-double balls", *last)} == {tuple(names[f]) for f in names if f != "float64"}


def elementwise_op(formula, stable=8, relative=True, **more):
    gates = Gates(lambda k, c, y, x: stable + 0 * y, relative=relative, underflow=0.0)
    return Op("mine", "elementwise", (Argument("x", "logits", ()),), formula, (), gates=gates, **more)


def test_the_textbook_formula_is_refined_until_it_says_something():
    """log(sum exp([0, -700])) needs 1 536 bits in the textbook's form, which the authority evaluates."""
    oracle = Oracle(ops.get("logsumexp"), FLOAT64, {})
    sure = oracle.authority({"x": np.array([[0.0, -700.0], [0.0, 0.0]])})
    assert [math.exp(-700), math.log(2)] == pytest.approx(sure.rounded.tolist(), rel=1e-13)
    names = [oracle.rungs[r].name for r in sure.rung]
    assert ["intervals(1280)", "intervals(160)"] == names


def test_elements_climb_alone():
    """Of an elementwise op only the element that is open goes up."""
    oracle = Oracle(elementwise_op(lambda k, x: k.log(1 + k.exp(x))), FLOAT32, {})
    truth = oracle.authority({"x": np.array([[0.0, -80.0]], dtype=np.float32)})
    assert (1, 2) == truth.rung.shape
    rungs = [oracle.rungs[r].name for r in truth.rung[0]]
    assert ["intervals(160)", "intervals(320)"] == rungs
    assert [math.log(2), math.exp(-80)] == pytest.approx(truth.rounded[0], rel=1e-6)


def test_sharpen_climbs_one_rung_in_place():
    """It returns the examples that could climb; on the last rung there are none."""
    oracle = Oracle(ops.get("softmax"), FLOAT32, {})
    inputs = {"x": np.array([[0.0, 1.0]] * 3, dtype=np.float32)}
    truth = oracle.truth(inputs)
    assert [0, 0, 0] == truth.rung.tolist()
    assert [2, 0] == oracle.sharpen(truth, inputs, np.array([2, 0])).tolist()
    assert [1, 0, 1] == truth.rung.tolist()
    truth.rung[:] = len(oracle.rungs) - 1
    assert [] == oracle.sharpen(truth, inputs, np.array([0, 1])).tolist()


def decided(oracle, x, got):
    """(code, open, rung) of one element after climbing."""
    inputs = {"x": oracle.format.round_array([[x]])}
    truth = oracle.truth(inputs)
    verdict = decide(oracle, inputs, truth, np.array([[got]], dtype=np.float64))
    return JUDGED[verdict.code[0, 0]], bool(verdict.open[0, 0]), int(truth.rung.ravel()[0])


def test_refinement_decides_what_stands_at_the_gate():
    """An error of one ulp less 10^-17 against a gate of one ulp: the float balls cannot tell, others can."""
    op = elementwise_op(lambda k, x: 1 + x * x * x / 10, stable=2, relative=False)
    oracle = Oracle(op, FLOAT32, {})
    x = 2.0**-18
    below, rung = {}, {}
    for sign in (1, -1):
        # Truth 1 + sign 2^-54 / 10; the gate is 2 u = 2^-23, one ulp.
        below[sign], still_open, rung[sign] = decided(oracle, sign * x, 1 + 2.0**-23)
        assert not still_open
    assert {1: "", -1: "SC201"} == below
    assert min(rung.values()) > 0
    assert ("", False, 0) == decided(oracle, x, 1.0)


MAX = FLOAT64.max
#: Batches of float64 that the balls settle, however far apart their rows are: exact zeros have no radius,
#: what cancels to nothing is aligned by its radius, and gates beyond float64 are known.
SETTLED_BY_BALLS = {
    "one class": ("log_softmax", {"x": [[5.0], [-MAX]]}),
    "all but one masked": ("log_softmax", {"x": [[-math.inf, 2.0, -math.inf], [0.0, -800.0, -1e300]]}),
    "near the largest": ("log_softmax", {"x": [[MAX, -MAX], [1.5e308, 1.234e305]]}),
    "losses of 0": (
        "cross_entropy",
        {"logits": [[[3.0, -math.inf], [0.0, -900.0]]], "targets": np.array([[0, 0]])},
    ),
    "large cotangents": (
        "log_softmax_vjp",
        {"x": [[-4.3, 0.1], [0.0, 1.0]], "v": [[1e291, -2e292], [1.0, 2.0]]},
    ),
    "cotangents that cancel": (
        "log_softmax_vjp",
        {"x": [[1.0, 3.0, -40.0], [-678.0, -702.0, 188.0]],
         "v": [[6e243, -4e243, -2e243], [4e-10, -2e-28, 1e-18]]},
    ),
    "small cotangents": (
        "softmax_vjp",
        {"x": [[2e-11, 7e-15], [-700.0, 0.0]], "v": [[2e-159, -2e-159], [1.0, 2.0]]},
    ),
    "classes without weight": (
        "linear_softmax_grad",
        {"X": [[[1.0, 0.0], [0.0, 1.0]], [[3.0, 1e6], [0.0, 1.0]]],
         "W": [[[0.0, -0.0], [1.0, 2.0]], [[0.0, 0.0], [1.0, -4.0]]], "y": np.array([[1, 0], [0, 1]])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTLED_BY_BALLS)
def test_balls_settle_rows_that_have_little_in_common(case):
    """The correct rounding is inside both gates, and no example climbs to learn that."""
    if case == "near the largest" and EXTENDED is None:
        pytest.skip("long double is double on this platform")
    name, inputs = SETTLED_BY_BALLS[case]
    op = ops.get(name)
    options = op.parse_options({})
    op = op.under(options)
    oracle = Oracle(op, FLOAT64, options)
    inputs = {n: np.asarray(a) for n, a in inputs.items()}
    truth = oracle.truth(inputs)
    verdict = decide(oracle, inputs, truth, oracle.rounded(inputs))
    assert not verdict.code.any()
    assert not verdict.open.any()
    assert not truth.rung.any()


def test_what_no_precision_decides_is_left_open():
    """log(exp(x)) - x is zero, but no interval ever shrinks to it: undecided, after the last rung."""
    op = elementwise_op(lambda k, x: k.log(k.exp(x)) - x, stable=0, relative=False)
    oracle = Oracle(op, FLOAT32, {})
    assert ("", True, len(oracle.rungs) - 1) == decided(oracle, 3.0, 0.0)
    assert ("SC201", False) == decided(oracle, 3.0, 1.0)[:2]


def test_a_formula_without_a_value_is_a_convention():
    """inf - inf: nothing is judged, and the report is told why."""
    oracle = Oracle(elementwise_op(lambda k, x: x - x), FLOAT32, {})
    inputs = {"x": np.array([[np.inf, 1.0]], dtype=np.float32)}
    truth = oracle.truth(inputs)
    verdict = decide(oracle, inputs, truth, np.array([[5.0, 0.0]]))
    assert [[Kind.CONVENTION, Kind.NUMBER]] == truth.kind.tolist()
    assert ([[False, True]], [[0, 0]]) == (verdict.judged.tolist(), verdict.code.tolist())
    assert ["formula has no value"] == truth.conventions


def test_specials_of_the_rows():
    """-inf is a limit, all -inf and +inf are conventions of softmax, NaN feeds its row."""
    inf, nan = np.inf, np.nan
    x = np.array([[0.0, -inf], [-inf, -inf], [inf, 0.0], [nan, 0.0], [nan, -inf]], dtype=np.float32)
    number, low, high, fed, taste = (
        Kind.NUMBER,
        Kind.MINUS_INFINITY,
        Kind.PLUS_INFINITY,
        Kind.NAN,
        Kind.CONVENTION,
    )
    expected = {
        "softmax": [[number, number], [taste, taste], [taste, taste], [fed, fed], [fed, fed]],
        "log_softmax": [[number, low], [taste, taste], [taste, taste], [fed, fed], [fed, fed]],
        "logsumexp": [number, low, high, fed, fed],
    }
    for name, kinds in expected.items():
        truth = Oracle(ops.get(name), FLOAT32, {}).authority({"x": x})
        assert kinds == truth.kind.tolist(), name
    truth = Oracle(ops.get("softmax"), FLOAT32, {}).truth({"x": x})
    assert {"row that is all -inf", "row with +inf"} == set(truth.conventions)


def test_what_shares_a_row_with_a_nan_but_is_not_fed_by_it_is_not_judged():
    """An op may say which outputs a NaN feeds; the others of its example are left alone."""

    def first_only(x):
        return np.broadcast_to(np.arange(x.shape[-1]) == 0, x.shape)

    op = Op("mine", "row", (Argument("x"),), lambda k, x: x, feeds=first_only)
    truth = Oracle(op, FLOAT32, {}).truth({"x": np.array([[1.0, np.nan], [1.0, 2.0]], dtype=np.float32)})
    expected = [[Kind.NAN, Kind.CONVENTION], [Kind.NUMBER, Kind.NUMBER]]
    assert expected == truth.kind.tolist()


def test_correct_rounding():
    """`rounded` is the truth rounded once, NaN where nothing is judged."""
    oracle = Oracle(ops.get("softmax"), formats.get("float16"), {})
    x = formats.get("float16").round_array([[0.0, 1.0], [-np.inf, -np.inf]])
    values = oracle.rounded({"x": x})
    expected = formats.get("float16").round_array(np.exp([0.0, 1.0]) / np.exp([0.0, 1.0]).sum()).tolist()
    assert expected == values[0].tolist()
    assert np.isnan(values[1]).all()


@cache
def _softplus_everywhere(name):
    fmt = formats.get(name)
    every = fmt.from_ordinal(np.arange(-fmt.max_ordinal, fmt.max_ordinal + 1))
    return fmt, np.resize(every, (-(-every.size // 64), 64))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("op", ["softplus", "sigmoid", "tanh"])
def test_balls_settle_all_of_a_small_format(op, name):
    """Every finite number of the format: enclosed to a thousandth of an ulp on the first rung, and a sample
    of 300 as the authority says."""
    fmt, x = _softplus_everywhere(name)
    oracle = Oracle(ops.get(op), fmt, {})
    quick = oracle.truth({"x": x})
    assert (quick.radius / quick.step).max() < 1e-3
    rng = np.random.default_rng(0)
    sample = by_element({"x": x})["x"][rng.integers(x.size, size=300)]
    part = oracle.truth({"x": sample})
    assert not part.contradicts(oracle.authority({"x": sample})).any()


@pytest.mark.parametrize("fmt", ALL)
def test_gates_of_a_sharpened_row_are_those_of_its_rung(fmt):
    """Each gate is written by itself: the rungs keep their gates in different ways."""
    oracle = Oracle(ops.get("log_softmax"), fmt, {})
    inputs = {"x": fmt.round_array([[0.0, -3.0], [1.0, 7.0]])}
    truth = oracle.truth(inputs)
    before = truth.stable.floats(), truth.accurate.floats()
    while oracle.sharpen(truth, inputs, np.array([1])).size:
        for gate, old in zip((truth.stable, truth.accurate), before, strict=True):
            np.testing.assert_allclose(gate.floats(), old, rtol=1e-8)
