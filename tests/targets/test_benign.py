import math

import numpy as np
import pytest

from stabcheck import formats
from stabcheck import ops as registry
from stabcheck.ops.op import Argument, Op
from stabcheck.targets.benign import benign_inputs

DOMAINS = [(-math.inf, math.inf), (0.0, math.inf), (-math.inf, 0.0), (0.0, 1.0), (-1.0, 1.0), (5.0, 1000.0)]


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("format", formats.FORMATS.values(), ids=lambda f: f.name)
def test_numbers_lie_inside_the_domain(domain, format):
    """Strictly inside, small, and all different in a row."""
    op = Op("op", "row", (Argument("x", "real", domain=domain),), None)
    x = benign_inputs(op, format)["x"]
    wide = x.astype(np.float64)
    assert x.dtype == format.dtype
    assert ((wide > domain[0]) & (wide < domain[1])).all()
    assert all(len(set(row)) == len(row) for row in wide.tolist())


def test_probabilities_sum_to_one_and_labels_are_classes():
    """Rows of probabilities are distributions; indices point at a class."""
    arguments = (Argument("p", "probabilities"), Argument("q", "targets"), Argument("y", "index", ()))
    inputs = benign_inputs(Op("op", "row", arguments, None), formats.get("float64"))
    np.testing.assert_allclose(inputs["p"].sum(axis=-1), 1.0)
    np.testing.assert_allclose(inputs["q"].sum(axis=-1), 1.0)
    assert inputs["y"].dtype == np.int64
    assert ((inputs["y"] >= 0) & (inputs["y"] < 3)).all()


@pytest.mark.parametrize("name", registry.names())
def test_every_op_of_the_catalogue_has_benign_inputs(name):
    """Finite, in the format, two examples; another start gives another block."""
    op = registry.get(name)
    inputs = benign_inputs(op, formats.get("float16"))
    others = benign_inputs(op, formats.get("float16"), start=31)
    assert [argument.name for argument in op.arguments] == list(inputs)
    assert all(len(a) == 2 and np.isfinite(a.astype(np.float64)).all() for a in inputs.values())
    assert any((inputs[k] != others[k]).any() for k in inputs)
