"""Aiming: Hypothesis turns the knobs towards what scores."""

import numpy as np

from stabcheck import formats, ops
from stabcheck.engine.worst.aim import COPIES, aim
from stabcheck.engine.worst.parents import Parents

FLOAT32 = formats.get("float32")
ANYTHING = (-np.inf, np.inf)


def aimed(op, x, score, proposed=100, allowed=ANYTHING, seed=0):
    """The blocks of a search from one example."""
    op = ops.get(op)
    parents = Parents(op, FLOAT32, {a.name: allowed for a in op.arguments})
    if x is not None:
        parents.found.append((1.0, {"x": np.asarray(x, np.float32)}))
    search, blocks = aim(parents, np.random.default_rng(seed), seed, proposed), []
    block = next(search, None)
    while block is not None:
        blocks.append(block)
        try:
            block = search.send(score(block.inputs["x"].astype(np.float64)))
        except StopIteration:
            break
    return blocks


def test_scores_rise():
    """The distance of a row from a place that only stretching, sliding and lifting together reach."""
    wanted = np.array([12.0, -3.0, 5.0])

    def near(x):
        return 100 - np.abs(np.sort(x, axis=-1) - np.sort(wanted)).sum(axis=-1, keepdims=True)

    def best(score, seed):
        blocks = aimed("softmax", [1.0, 2.0, 3.0], score, 300, seed=seed)
        return max(near(block.inputs["x"].astype(float)).max() for block in blocks)

    for seed in (1, 2, 3):
        assert best(near, seed) > 97
        assert best(near, seed) > best(np.zeros_like, seed)


def test_shapes_and_limits():
    """Copies of one example; numbers outside of what is allowed are not used."""
    for op, x in (("tanh", 1.5), ("softmax", [1.0, 2.0, 1.5])):
        blocks = aimed(op, x, lambda x: x, 20, allowed=(-3.0, 2.0))
        assert 15 <= len(blocks) <= 20
        for block in blocks:
            assert (1, COPIES) == block.inputs["x"].shape or (COPIES, 3) == block.inputs["x"].shape
            assert np.float32 == block.inputs["x"].dtype
            assert ((block.inputs["x"] >= -3) & (block.inputs["x"] <= 2)).all()


def test_the_seed_decides():
    """Equal seeds, equal blocks."""
    one, two = (aimed("softmax", [1.0, 2.0], lambda x: x) for _ in range(2))
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.inputs["x"], b.inputs["x"])


def test_nowhere_to_start():
    """Without parents, or with nothing to spend, no block."""
    assert [] == aimed("softmax", None, lambda x: x)
    assert [] == aimed("softmax", [1.0, 2.0], lambda x: x, proposed=0)
