"""Gates: the table's values at points computed by hand, and two evaluations that agree on hard inputs."""

import math

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.ops.op import GateConstants, Gates
from stabcheck.oracle import gates
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import place
from stabcheck.strategies.recipes import Draws, blocks

FLOAT64 = formats.get("float64")
ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]


def block(op, fmt, **inputs):
    """One example."""
    return {
        a.name: np.asarray(inputs[a.name], dtype=np.int64)[None]
        if a.integer
        else fmt.round_array(inputs[a.name])[None]
        for a in op.arguments
    }


def gates_at(name, fmt=FLOAT64, options=None, factor=1.0, **inputs):
    """(stable, accurate) of one example, in units of u."""
    op = ops.get(name)
    parsed = op.parse_options(options or {})
    truth = Oracle(op.under(parsed), fmt, parsed, factor).authority(block(op.under(parsed), fmt, **inputs))
    return truth.stable.floats()[0] / fmt.u, truth.accurate.floats()[0] / fmt.u


def softmax(x):
    e = np.exp(np.asarray(x) - np.max(x))
    return e / e.sum()


def test_softmax():
    """Relative 2 d + 4 (s(n) + 4): with d = 0 and 3, n = 2, that is 24 and 30."""
    p = softmax([0.0, -3.0])
    np.testing.assert_allclose(gates_at("softmax", x=[0.0, -3.0])[0], [24 * p[0], 30 * p[1]], rtol=1e-11)
    np.testing.assert_allclose(
        gates_at("logsumexp_grad", x=[5.0, 2.0])[0], [24 * p[0], 30 * p[1]], rtol=1e-11
    )


def test_log_softmax():
    """d + 2 |y| + 4 (s(n) + ln n + 2)."""
    y = np.log(softmax([0.0, -3.0]))
    expected = np.array([0.0, 3.0]) + 2 * np.abs(y) + 4 * (2 + math.log(2) + 2)
    np.testing.assert_allclose(gates_at("log_softmax", x=[1.0, -2.0])[0], expected, rtol=1e-11)


def test_logsumexp():
    """2 |y| + 4 (s(n) + ln n + 2): a common offset counts, because it is in the result."""
    y = 100 + math.log(1 + math.exp(-3))
    assert gates_at("logsumexp", x=[100.0, 97.0])[0] == pytest.approx(
        2 * y + 4 * (4 + math.log(2)), rel=1e-11
    )
    assert gates_at("logsumexp", x=[-7.0])[0] == pytest.approx(14 + 4 * 3, rel=1e-11)


@pytest.mark.parametrize(
    ("name", "x", "result", "constant"),
    [
        ("sigmoid", -2.0, 1 / (1 + math.exp(2)), 8),
        ("log_sigmoid", 2.0, -math.log1p(math.exp(-2)), 8),
        ("softplus", 2.0, math.log1p(math.exp(2)), 8),
        ("tanh", 0.5, math.tanh(0.5), 8),
        ("sigmoid_grad", 2.0, math.exp(-2) / (1 + math.exp(-2)) ** 2, 16),
        ("log_sigmoid_grad", 2.0, 1 / (1 + math.exp(2)), 16),
        ("softplus_grad", 2.0, 1 / (1 + math.exp(-2)), 16),
    ],
)
def test_elementwise(name, x, result, constant):
    """Relative 2 C, 4 C for a product of two sigmoids."""
    assert gates_at(name, x=[x])[0][0] == pytest.approx(constant * abs(result), rel=1e-11)


def test_losses_of_probabilities():
    """cross_entropy_from_probabilities: relative 2 C."""
    stable, _ = gates_at("cross_entropy_from_probabilities", probabilities=[0.7, 0.3], target=1)
    assert stable == pytest.approx(8 * -math.log(0.3), rel=1e-9)


def test_softmax_vjp():
    """p [(2 d + 4 (s + 4)) |v - <p, v>| + 4 |v| + sum_j p_j |v_j| (2 d_j + 4 (s + 4))]."""
    x, v = np.array([0.0, -3.0]), np.array([1.0, -2.0])
    p, weight = softmax(x), 2 * np.array([0.0, 3.0]) + 24
    expected = p * (weight * np.abs(v - p @ v) + 4 * np.abs(v) + (p * np.abs(v)) @ weight)
    np.testing.assert_allclose(gates_at("softmax_vjp", x=x, v=v)[0], expected, rtol=1e-9)


def test_growth_of_sums():
    """s(n) = n while n <= 32 or n u <= 2^-6, else 4 log2 n + 12; A is 16 in bfloat16."""
    s = {
        (f, n): GateConstants(formats.get(f)).s(n) for f in ("bfloat16", "float16") for n in (4, 32, 33, 4096)
    }
    assert [4, 32, 4 * math.log2(33) + 12, 60] == [s["bfloat16", n] for n in (4, 32, 33, 4096)]
    assert [4, 32, 4 * math.log2(33) + 12, 60] == [s["float16", n] for n in (4, 32, 33, 4096)]
    assert 2.0**18 == GateConstants(formats.get("float32")).s(2**18)
    assert 4 * 19 + 12 == GateConstants(formats.get("float32")).s(2**19)
    assert [16, 8, 8, 8] == [
        GateConstants(formats.get(f)).A for f in ("bfloat16", "float16", "float32", "float64")
    ]


@pytest.mark.parametrize("fmt", ALL)
def test_accurate_gate(fmt):
    """A u (1 + s(n)/8) (|y| + conditioning) + half an ulp + 2 eta, and never above the stable gate."""
    x = [0.0, -40.0] if fmt.name != "float16" else [0.0, -6.0]
    stable, accurate = gates_at("logsumexp", fmt, x=x)
    c = GateConstants(fmt)
    y = math.log1p(math.exp(x[1]))
    condition = math.exp(x[1]) / (1 + math.exp(x[1])) * -x[1]
    half_ulp = 2.0 ** (math.floor(math.log2(y)) - fmt.precision + 1) / 2
    lost = (2 + 2) * fmt.eta  # two terms of the sum may underflow
    expected = c.A * fmt.u * (1 + 2 / 8) * (y + condition) + half_ulp + lost
    assert accurate * fmt.u == pytest.approx(expected, rel=1e-9)
    assert accurate < stable


@pytest.mark.parametrize("fmt", ALL)
def test_a_relative_gate_never_forgives_a_zero(fmt):
    """Capped at one half of the truth (and the underflow term, which is nothing to a normal number)."""
    x = fmt.round_array([0.0, 0.9 * fmt.log_tiny]).astype(float)
    truth = Oracle(ops.get("softmax"), fmt, {}).authority(block(ops.get("softmax"), fmt, x=x))
    real = ((truth.head + truth.tail) * 2.0**truth.unit)[0, 1]
    share = (truth.stable.floats()[0, 1] - 4 * fmt.eta) / real
    assert share == pytest.approx(min(fmt.u * (-2 * x[1] + 24), 0.5), rel=1e-9)
    assert (fmt.name == "bfloat16") == (share > 0.499)


def test_gate_factor_scales_both_gates():
    """gate_factor=3 forgives three times as much at either level."""
    once, thrice = gates_at("log_softmax", x=[1.0, -2.0]), gates_at("log_softmax", x=[1.0, -2.0], factor=3.0)
    np.testing.assert_allclose(np.array(thrice) / np.array(once), 3.0, rtol=1e-12)


def hard_block(op, options, fmt, seed, examples=24):
    """A few examples of each of some regimes, short rows only."""
    for b in blocks(Draws(op, options, fmt, examples * 40, seed, max_classes=9)):
        inputs = b.of_each(max(1, examples // 12)).inputs
        if op.kind == "elementwise":
            inputs = {name: a[:, :8] for name, a in inputs.items()}
        if max(a.size for a in inputs.values()) <= 1200:
            yield inputs


def compare(op, fmt, seed, count):
    """Evaluations in float64 and in mpf over some blocks of an op; returns how many gates were compared."""
    options = op.parse_options({})
    op = op.under(options)
    oracle = Oracle(op, fmt, options)
    rung = next(r for r in oracle.rungs if r.name == "double-double balls")
    compared = 0
    for number, inputs in enumerate(hard_block(op, options, fmt, seed)):
        if number == count:
            break
        exact = {n: np.nan_to_num(a.astype(np.float64), posinf=np.inf, neginf=-np.inf)
                 if a.dtype.kind not in "iu" else a for n, a in inputs.items()}  # fmt: skip
        e = rung.context.enclosure(op.evaluate(rung.context, exact, options, fast=True))
        e = type(e)(*(op.squeeze(np.asarray(getattr(e, f))) for f in ("head", "tail", "exponent", "radius")))
        placed = place(e, fmt)
        common = (op, fmt, exact, options, e, placed, 1.0)
        quick, sure = gates.evaluate(*common, digits=None), gates.evaluate(*common, digits=160)
        number = np.isfinite(placed.radius) & np.isfinite(e.head)
        # The stable gate is known under any finite slack, the accurate one where it is not negative.
        for which, known in enumerate((np.isfinite(quick[2]), np.isfinite(quick[2]) & (quick[2] > 0))):
            ratio = quick[which].over(sure[which])
            far = number & known & (np.abs(ratio - 1) > op.gates.slack)
            assert not far.any(), (op.name, which, ratio[far][:3], inputs)
            compared += int((number & known).sum())
            # What is known from below only is no more than the gate.
            above = number & ~known & (ratio > 1 + op.gates.slack)
            assert not above.any(), (op.name, which, ratio[above][:3], inputs)
    return compared


@pytest.mark.parametrize("name", ops.names())
def test_float64_and_mpf_agree(name):
    """Within the slack that is granted to float64, on hard inputs of a wide and a narrow format."""
    for fmt in ("float64", "float16"):
        assert compare(ops.get(name), formats.get(fmt), 1, 8) > 0


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("name", ops.names())
def test_float64_and_mpf_agree_often(name, fmt):
    """The same, on more of them."""
    assert compare(ops.get(name), fmt, 2, 80) > 100


#: d = 3.4e308 overflows in float64; the stable gate of the second class is (d + 2 |y|) u = 3 (2 max) u.
BEYOND = [FLOAT64.max, -FLOAT64.max]
GATE_BEYOND = 6 * math.ldexp(FLOAT64.max, -60) * FLOAT64.u


@pytest.mark.skipif(gates.EXTENDED is None, reason="long double is double on this platform")
def test_a_gate_beyond_float64_is_told_in_long_double():
    """Within the slack that float64 has, and without a climb."""
    quick = Oracle(ops.get("log_softmax"), FLOAT64, {}).truth(
        block(ops.get("log_softmax"), FLOAT64, x=BEYOND)
    )
    assert np.all(quick.slack == Gates.slack)
    actual = math.ldexp(quick.stable.mantissa[0, 1], int(quick.stable.exponent[0, 1]) - 60)
    assert actual == pytest.approx(GATE_BEYOND, rel=1e-9)


def test_a_gate_beyond_every_float_is_left_to_mpf(monkeypatch):
    """An infinite slack and half an ulp, which is less than the gate; in mpf the gate is a number."""
    monkeypatch.setattr(gates, "EXTENDED", None)
    op = ops.get("log_softmax")
    oracle = Oracle(op, FLOAT64, {})
    inputs = block(op, FLOAT64, x=BEYOND)
    quick, sure = oracle.truth(inputs), oracle.authority(inputs)
    assert [True] == np.isinf(quick.slack[0, 1:]).tolist()
    assert quick.stable.floats()[0, 1] == 0.5 * quick.ulp[0, 1]
    assert not sure.slack.any()
    actual = math.ldexp(sure.stable.mantissa[0, 1], int(sure.stable.exponent[0, 1]) - 60)
    assert actual == pytest.approx(GATE_BEYOND, rel=1e-9)


def test_masked_logits_have_no_weight_in_a_gate():
    """A masked class neither widens nor narrows the gates of the others, beyond its place in n."""
    for name in ("softmax", "log_softmax"):
        masked = gates_at(name, x=[1.0, -math.inf, -2.0])
        deep = gates_at(name, x=[1.0, -1e4, -2.0])
        for a, b in zip(masked, deep, strict=True):
            np.testing.assert_allclose(a[[0, 2]], b[[0, 2]], rtol=1e-9)


@pytest.mark.parametrize("n", [600, 1024, 4096])
def test_a_sum_that_stalls_is_beyond_the_gates_of_gradients(n):
    """bfloat16 adds up ones to 256; the rest of sum v, or of <p, v>, is lost."""
    fmt = formats.get("bfloat16")
    inputs = {"x": np.zeros((1, n), fmt.dtype), "v": np.ones((1, n), fmt.dtype)}
    lost = 1 - 256 / n
    for name, size in (("softmax_vjp", 1 / n), ("log_softmax_vjp", 1.0)):
        truth = Oracle(ops.get(name), fmt, {}).authority(inputs)
        assert not truth.head.any()
        assert truth.stable.floats().max() < lost * size
