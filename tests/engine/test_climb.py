"""Climbing: a share of the effort makes errors larger, within the format and the domain."""

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.climb import SHARE, Climber
from stabcheck.engine.verdicts import decide
from stabcheck.oracle.ladder import Oracle
from stabcheck.strategies.recipes import Draws, blocks

FLOAT32 = formats.get("float32")
ANYTHING = (-np.inf, np.inf)


def judged(oracle, block, target):
    truth = oracle.truth(block.inputs)
    with np.errstate(all="ignore"):
        answer = FLOAT32.widen(FLOAT32.round_array(target(*block.inputs.values()).astype(np.float64)))
    return decide(oracle, block.inputs, truth, answer)


def climbed(op, target, allowed=ANYTHING, seed=0, examples=2000):
    """(largest error of the first search, of the climb, blocks of the climb)."""
    op = ops.get(op)
    oracle = Oracle(op, FLOAT32, {})
    climber = Climber(op, FLOAT32, seed, {a.name: allowed for a in op.arguments})
    before = after = 0.0
    for block in blocks(
        Draws(op, {}, FLOAT32, 60, seed, 16, "finite", None if allowed == ANYTHING else allowed)
    ):
        verdict = judged(oracle, block, target)
        before = max(before, float(verdict.ulps.max()))
        climber.watch(block, verdict)
    bred = []
    for block in climber.blocks(examples):
        verdict = judged(oracle, block, target)
        after = max(after, float(verdict.ulps.max()))
        climber.watch(block, verdict)
        bred.append(block)
    return before, after, bred


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(("op", "target"), [("softmax", softmax), ("tanh", np.tanh)])
def test_errors_grow(op, target):
    """The worst of the children is mostly worse than the worst that was found before."""
    seeds = [climbed(op, target, seed=seed) for seed in range(6)]
    assert all(before > 0.5 for before, _, _ in seeds)
    assert 4 <= sum(after > before for before, after, _ in seeds)


def test_the_share_of_the_effort():
    """An eighth of the examples, in several generations."""
    for op, target in (("softmax", softmax), ("tanh", np.tanh)):
        bred = climbed(op, target, examples=800)[2]
        assert 800 * SHARE == sum(b.rows for b in bred)
        assert len(bred) >= 4
        assert {"climb"} == {r for b in bred for r in b.regimes}


def test_children_stay_where_their_parents_may_be():
    """In the domain (or the range that was given), finite, of the format."""
    for block in climbed("softmax", softmax, allowed=(-3.0, 2.0))[2]:
        x = block.inputs["x"]
        assert np.dtype(np.float32) == x.dtype
        assert ((x >= -3) & (x <= 2)).all()


def test_the_seed_decides():
    """Equal seeds breed equal children."""
    a, b, other = (climbed("softmax", softmax, seed=s)[2] for s in (3, 3, 4))
    for one, two in zip(a, b, strict=True):
        np.testing.assert_array_equal(one.inputs["x"], two.inputs["x"])
    assert any(one.inputs["x"].shape != two.inputs["x"].shape or (one.inputs["x"] != two.inputs["x"]).any()
               for one, two in zip(a, other, strict=False))  # fmt: skip


def test_nothing_to_climb_from():
    """A target whose every result is right to half an ulp has no parents."""
    op = ops.get("softmax")
    assert [] == list(Climber(op, FLOAT32, 0, {"x": ANYTHING}).blocks(1000))
