"""The truths of the ops: two formulas that agree, gradients that are derivatives, the worked examples."""

import math
from fractions import Fraction

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.ops.op import that_matter
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.reals import RealContext
from stabcheck.strategies.recipes import Draws, blocks

FLOAT32, FLOAT64 = formats.get("float32"), formats.get("float64")
K = RealContext(400)
STEP = Fraction(1, 2**80)

OPTIONS = [
    ("cross_entropy", {"reduction": "none"}),
    ("cross_entropy", {"reduction": "sum", "label_smoothing": 0.1, "ignore_index": 0}),
    ("cross_entropy", {"target_kind": "soft"}),
    ("cross_entropy", {"target_kind": "onehot", "label_smoothing": 0.25}),
    ("cross_entropy_from_probabilities", {"target_kind": "soft"}),
    ("softmax_loss", {"normalization": "FULL", "ignore_label": 1, "loss_weight": 0.3}),
    ("softmax_loss_grad", {"normalization": "BATCH_SIZE", "loss_weight": 3.0}),
    ("linear_softmax_loss", {"reg": 0.1}),
    ("linear_softmax_grad", {"reg": 0.1}),
]
CASES = [(name, {}) for name in ops.names()] + OPTIONS


def oracle(name, options, fmt):
    op = ops.get(name)
    parsed = op.parse_options(options)
    return Oracle(op.under(parsed), fmt, parsed)


def truth(name, options=None, **inputs):
    """The correct rounding of one example in float64."""
    one = {key: np.asarray(value)[None] for key, value in inputs.items()}
    rounded = oracle(name, options or {}, FLOAT64).rounded(one)[0]
    return rounded.tolist()


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_fast_form_is_the_textbook_formula(name, options):
    """The first rung (fast form, balls) never contradicts the authority (textbook, intervals), over blocks
    of every regime."""
    judge = oracle(name, options, FLOAT32)
    draws = Draws(judge.op, judge.options, FLOAT32, 50, seed=5, max_classes=5)
    for block in blocks(draws):
        small = block.of_each(2).inputs
        if judge.op.kind == "elementwise":
            small = {key: values[:, :4] for key, values in small.items()}
        quick, sure = judge.truth(small), judge.authority(small)
        assert not quick.contradicts(sure).any(), (block.recipes, small)


# -- gradients -----------------------------------------------------------------------------------------


def derivative(function, x):
    """The gradient of a function of an object array of mpf numbers, by central differences of 2^-80 at 400
    bits: right to about 2^-150."""
    gradient = np.empty(x.shape, dtype=object)
    h = K.value(STEP)
    for place in np.ndindex(x.shape):
        unit = K.array(np.zeros(x.shape))
        unit[place] = h
        gradient[place] = (function(x + unit) - function(x - unit)) / (2 * h)
    return gradient


def assert_derivative(got, function, x):
    difference = np.abs(np.asarray(got - derivative(function, x), dtype=object))
    assert max(map(float, difference.ravel())) < 2.0**-120


def reals(seed, *shape):
    return K.array(np.random.default_rng(seed).normal(size=shape) * 3)


def lifted(name, *arguments, **options):
    op = ops.get(name)
    return op.formula(K, *arguments, **that_matter(op.parse_options(options)))


@pytest.mark.parametrize(
    ("gradient", "forward"),
    [("sigmoid_grad", "sigmoid"), ("log_sigmoid_grad", "log_sigmoid"), ("softplus_grad", "softplus")],
)
def test_elementwise_gradient_is_the_derivative(gradient, forward):
    """The derivative of an elementwise op, number by number."""
    x = reals(0, 5)
    assert_derivative(lifted(gradient, x), lambda z: np.sum(lifted(forward, z)), x)


@pytest.mark.parametrize("z", [0.0, 0.25, 1.0])
def test_bce_gradient_is_the_derivative(z):
    """Of the binary cross-entropy, for hard and soft targets."""
    x, targets = reals(1, 4), K.array(np.full(4, z))
    assert_derivative(
        lifted("bce_with_logits_grad", x, targets), lambda a: np.sum(lifted("bce_with_logits", a, targets)), x
    )


@pytest.mark.parametrize(
    ("gradient", "forward"), [("softmax_vjp", "softmax"), ("log_softmax_vjp", "log_softmax")]
)
def test_vjp_is_the_derivative_of_the_product(gradient, forward):
    """J^T v is the gradient of <v, f(x)>."""
    x, v = reals(2, 5), reals(3, 5)
    assert_derivative(lifted(gradient, x, v), lambda z: np.sum(v * lifted(forward, z)), x)


def test_logsumexp_gradient_is_the_derivative():
    """Of log-sum-exp: the softmax."""
    x = reals(4, 5)
    assert_derivative(lifted("logsumexp_grad", x), lambda z: lifted("logsumexp", z)[0], x)


@pytest.mark.parametrize("target", [0, 3])
def test_cross_entropy_gradient_is_the_derivative(target):
    """Of the cross-entropy of one row."""
    x = reals(5, 4)
    forward = lambda z: lifted("cross_entropy", z[None], np.array([[target]]))[0, 0]  # noqa: E731
    assert_derivative(lifted("cross_entropy_grad", x, np.array([target])), forward, x)


@pytest.mark.parametrize("normalization", ["FULL", "VALID", "BATCH_SIZE", "NONE"])
def test_layer_gradient_is_the_derivative(normalization):
    """Of Caffe's layer, with an ignored position and a weight."""
    x, label = reals(6, 2, 3, 2), np.array([[0, 2], [1, -1]])[..., None]
    options = {"normalization": normalization, "loss_weight": 0.3, "ignore_label": -1}
    forward = lambda z: lifted("softmax_loss", z, label, **options)[0, 0, 0]  # noqa: E731
    assert_derivative(lifted("softmax_loss_grad", x, label, **options), forward, x)


@pytest.mark.parametrize("reg", [0.0, 0.1])
def test_classifier_gradient_is_the_derivative(reg):
    """dW of the linear classifier's loss."""
    x, w, y = reals(7, 4, 3), reals(8, 3, 2), np.array([0, 1, 1, 0])[:, None]
    forward = lambda a: lifted("linear_softmax_loss", x, a, y, reg=reg)[0, 0]  # noqa: E731
    assert_derivative(lifted("linear_softmax_grad", x, w, y, reg=reg), forward, w)


def test_cross_entropy_is_entropy_plus_divergence():
    """H(p, q) = H(p) + KL(p || q), also for rows that do not sum to one; H of a one-hot row is 0."""
    rng = np.random.default_rng(9)
    p, q = K.array(rng.random((20, 6))), K.array(rng.random((20, 6)))
    crossed = lifted("cross_entropy_from_probabilities", q, np.zeros((20, 1), dtype=np.int64))
    assert crossed.shape == (20, 1)
    soft = ops.get("cross_entropy_from_probabilities").under({"target_kind": "soft"})
    crossed = soft.formula(K, q, p, target_kind="soft")
    apart = crossed - (lifted("entropy", p) + lifted("kl_divergence", p, q))
    assert max(abs(float(a)) for a in np.ravel(apart)) < 2.0**-380
    assert truth("entropy", p=[0.0, 1.0, 0.0]) == 0.0


# -- worked examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "label", "of"),
    [
        ([0.1, 0.15, 0.05, 0.6, 0.1], 3, 0.6),
        ([0.15, 0.2, 0.4, 0.1, 0.15], 3, 0.1),
        ([0.05, 0.15, 0.4, 0.3, 0.1], 3, 0.3),
    ],
)
def test_loss_of_a_label(p, label, of):
    """-log of the label's probability, whichever way the label is given."""
    one_hot = np.eye(5)[label]
    assert truth("cross_entropy_from_probabilities", probabilities=p, target=label) == -math.log(of)
    assert truth(
        "cross_entropy_from_probabilities", {"target_kind": "soft"}, probabilities=p, target=one_hot
    ) == -math.log(of)


def test_mean_loss_of_a_batch():
    """Three rows whose labels have the probabilities 0.4, 0.4 and 0.1, as logits."""
    p = np.array([[0.4, 0.3, 0.3], [0.2, 0.4, 0.4], [0.1, 0.2, 0.7]])
    expected = -(math.log(0.4) + math.log(0.4) + math.log(0.1)) / 3
    assert truth("cross_entropy", logits=np.log(p), targets=[0, 1, 0]) == pytest.approx(expected, rel=1e-15)


def test_softmax_by_the_maximum():
    """[-1000, 1000, -1000] gives [0, 1, 0]; three equal logits far below zero share alike."""
    assert truth("softmax", x=[-1000.0, 1000.0, -1000.0]) == [0.0, 1.0, 0.0]
    assert truth("softmax", x=[-1000.0] * 3) == [1 / 3] * 3
    assert truth("log_softmax", x=[-1000.0, 1000.0, -1000.0]) == [-2000.0, 0.0, -2000.0]


def test_gradient_is_not_the_diagonal():
    """d log_softmax_i / dx_i is 1 - p_i, and d log_softmax_i / dx_j is -p_j."""
    p = 1 / (1 + math.exp(-1.0))
    got = truth("log_softmax_vjp", x=[1.0, 0.0], v=[1.0, 0.0])
    assert got == pytest.approx([1 - p, -(1 - p)], rel=1e-15)


def test_layer_of_caffe():
    """p minus 1 at the label, 0 at an ignored position, over the normaliser."""
    bottom = np.log([[[0.25, 0.5], [0.75, 0.5]]])
    label = np.array([[0, -1]])
    got = truth("softmax_loss_grad", {"ignore_label": -1}, bottom=bottom, label=label)
    np.testing.assert_allclose(got, [[[-0.75, 0.0], [0.75, 0.0]]], rtol=1e-15)
    for normalization, count in {"FULL": 2, "VALID": 1, "BATCH_SIZE": 1, "NONE": 1}.items():
        loss = truth(
            "softmax_loss", {"normalization": normalization, "ignore_label": -1}, bottom=bottom, label=label
        )
        assert loss == pytest.approx(-math.log(0.25) / count, rel=1e-15)


def test_small_weights_lose_log_of_classes():
    """Ten classes and tiny weights: the loss is about log 10."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 8)), rng.normal(size=(8, 10)) * 1e-4
    assert truth("linear_softmax_loss", X=x, W=w, y=[0, 3, 9, 9, 1]) == pytest.approx(math.log(10), abs=1e-3)


def test_clipped_loss_of_a_hand_written_class():
    """The loss that clips p at 1e-6 stops at 13.8; the truth goes on: 20 for a logit of -20."""
    assert truth("bce_with_logits", logits=[-20.0], targets=[1.0]) == [20.000000002061153]
    assert truth("binary_cross_entropy", probabilities=[0.0, 1.0, 1.0], targets=[1.0, 0.0, 1.0]) == [
        math.inf,
        math.inf,
        0.0,
    ]


def test_underflowed_class_does_not_count():
    """sum(onehot * log p) is NaN where p underflows beside the target; the truth is 0."""
    assert truth("cross_entropy", logits=[[0.0, -800.0]], targets=[0]) == 0.0
    assert truth("cross_entropy", logits=[[0.0, -math.inf]], targets=[0]) == 0.0
    assert truth("cross_entropy", logits=[[0.0, -math.inf]], targets=[1]) == math.inf
