"""Small truths are remembered; whoever asks gets one of their own."""

import numpy as np

from stabcheck import formats, ops
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.remembered import RememberingOracle

FLOAT32 = formats.get("float32")
X = FLOAT32.round_array([[0.0, -100.0], [1.0, 2.0]])


def same(one, two):
    for name in ("kind", "head", "tail", "radius", "unit", "step", "slack", "rung"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.stable.floats(), two.stable.floats())
    np.testing.assert_array_equal(one.accurate.floats(), two.accurate.floats())


def test_the_same_truth_as_of_any_oracle(monkeypatch):
    """Asked again it costs nothing; other numbers, and the same in another shape, are other questions."""
    asked = []
    at = Oracle._at
    monkeypatch.setattr(
        Oracle, "_at", lambda self, rung, inputs: asked.append(rung) or at(self, rung, inputs)
    )
    oracle, plain = (kind(ops.get("log_softmax"), FLOAT32, {}) for kind in (RememberingOracle, Oracle))
    for question in ("truth", "authority"):
        first = getattr(oracle, question)({"x": X})
        count = len(asked)
        again = getattr(oracle, question)({"x": X.copy()})
        assert count == len(asked)
        same(first, again)
        same(first, getattr(plain, question)({"x": X}))
        count = len(asked)
        assert (1, 4) == getattr(oracle, question)({"x": X.reshape(1, 4)}).shape
        assert count < len(asked)


def test_sharpening_changes_no_other():
    """A truth that was handed out may be sharpened: the next one is as the first was."""
    oracle = RememberingOracle(ops.get("log_softmax"), FLOAT32, {})
    first, untouched = oracle.truth({"x": X}), oracle.truth({"x": X})
    oracle.sharpen(first, {"x": X}, np.array([0, 1]))
    assert first.rung.tolist() != untouched.rung.tolist()
    same(untouched, oracle.truth({"x": X}))


def test_large_blocks_are_not_kept():
    """Blocks of a search are judged once."""
    oracle = RememberingOracle(ops.get("softmax"), FLOAT32, {})
    oracle.truth({"x": np.zeros((40, 40), np.float32)})
    assert not oracle._known
