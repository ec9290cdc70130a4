"""Small ops with their truth in float64, and one way to get a target ready for them."""

from __future__ import annotations

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.ops.op import Argument, Op, Option
from stabcheck.targets.find import find
from stabcheck.targets.gradients import prepare_gradient
from stabcheck.targets.isolate import prepare_isolated
from stabcheck.targets.prepare import prepare

X = Argument("x")
V = Argument("v", "cotangent")
Y = Argument("target", "index", ())


def _no_formula(*_, **__):
    raise AssertionError("a target's room evaluates no formula")


OPS = {
    op.name: op
    for op in (
        Op("softmax", "row", (X,), _no_formula, options=(Option("axis", int, -1),), sums_to_one=True),
        Op("logsumexp", "row", (X,), _no_formula, output=()),
        Op("sigmoid", "elementwise", (Argument("x", axes=()),), _no_formula, output=()),
        Op("cross_entropy", "row", (X, Y), _no_formula, output=()),
        Op("logaddexp2", "elementwise", (Argument("a", axes=()), Argument("b", axes=())), _no_formula),
        Op(
            "mean_loss",
            "reducing",
            (Argument("x", axes=("N", "C")), Argument("target", "index", ("N",))),
            _no_formula,
            output=(),
            options=(Option("reduction", str, "mean"),),
        ),
        Op("softmax_vjp", "row", (X, V), _no_formula),
        Op("logsumexp_grad", "row", (X,), _no_formula),
        Op("sigmoid_grad", "elementwise", (Argument("x", axes=()),), _no_formula, output=()),
    )
}


def exact_softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _vjp(x, v):
    p = exact_softmax(x)
    return p * (v - (p * v).sum(axis=-1, keepdims=True))


def _losses(x, target):
    return -np.take_along_axis(np.log(exact_softmax(x)), target[..., None], axis=-1)[..., 0]


TRUTHS = {
    "softmax": exact_softmax,
    "logsumexp": lambda x: np.log(np.exp(x).sum(axis=-1)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "cross_entropy": _losses,
    "logaddexp2": lambda a, b: np.log(np.exp(a) + 2 * np.exp(b)),
    "mean_loss": lambda x, target: _losses(x, target).mean(axis=-1),
    "softmax_vjp": _vjp,
    "logsumexp_grad": exact_softmax,
    "sigmoid_grad": lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
}


def reference(name):
    """The truth of a block, from inputs widened to float64."""

    def truth(inputs):
        wide = [a if a.dtype.kind == "i" else a.astype(np.float64) for a in inputs.values()]
        return TRUTHS[name](*wide)

    return truth


@pytest.fixture
def ops():
    return OPS


@pytest.fixture
def ready():
    """ready(target, op, format, **how) -> the runner (or Inapplicable) of `prepare`."""

    def get(target, op="softmax", format="float64", *, options=None, gradient=None, **how):
        judged = gradient or op
        form = formats.get(format)
        common = {"reference": reference(judged), **how}
        if gradient:
            return prepare_gradient(find(target), OPS[op], OPS[gradient], form, options or {}, **common)
        return prepare(find(target), OPS[op], form, options or {}, **common)

    return get


@pytest.fixture
def isolated():
    """isolated(spec, ...) -> a runner in a process of its own, closed when the test ends."""
    made = []

    def get(target, op="softmax", format="float64", *, options=None, gradient=None, **how):
        runner = prepare_isolated(
            find(target),
            OPS[op],
            formats.get(format),
            options or {},
            reference=reference(gradient or op),
            gradient_op=OPS[gradient] if gradient else None,
            **how,
        )
        made.append(runner)
        return runner

    yield get
    for runner in made:
        if hasattr(runner, "close"):
            runner.close()


@pytest.fixture
def block():
    """block(rows, format) -> {"x": array} in the format."""

    def make(rows, format="float64"):
        return {"x": formats.get(format).round_array(np.array(rows, dtype=np.float64))}

    return make


@pytest.fixture
def softmax_of():
    return exact_softmax
