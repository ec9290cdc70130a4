"""Bisection: the edge of a threshold is found to the last number, in every kind of op."""

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.worst.cliffs import cliffs
from stabcheck.engine.worst.parents import Parents

ANYTHING = (-np.inf, np.inf)


def parents_of(op, fmt, *examples):
    op = ops.get(op)
    parents = Parents(op, fmt, {a.name: ANYTHING for a in op.arguments})
    for place, inputs in enumerate(examples):
        rounded = {name: fmt.round_array(np.asarray(values, float)) for name, values in inputs.items()}
        parents.found.append((float(10 - place), rounded))
    return parents


def nearest(fmt, number):
    return float(fmt.widen(fmt.round_array([number]))[0])


def followed(parents, error, examples=10_000):
    """All numbers that were tried, errors being a function of x (of a row: of its largest number)."""
    search, tried = cliffs(parents, examples), []
    block = next(search, None)
    while block is not None:
        x = parents.format.widen(block.inputs["x"])
        tried.append(x if parents.elementwise else x.max(axis=-1))
        try:
            block = search.send(np.asarray(error(tried[-1])))
        except StopIteration:
            break
    return np.concatenate([t.reshape(-1) for t in tried]) if tried else np.zeros(0)


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "bfloat16", "float8_e4m3"])
@pytest.mark.parametrize("op", ["tanh", "softmax"])
def test_the_edge_is_found_to_the_last_number(op, name):
    """Errors grow up to a threshold and are gone beyond it: the largest of all is tried."""
    fmt = formats.get(name)
    edge = nearest(fmt, 3.3)
    start = {"x": 2.5} if op == "tanh" else {"x": [2.5, 1.0]}
    parents = parents_of(op, fmt, start)
    tried = followed(parents, lambda x: np.where(x <= edge, x, 0.0))
    assert edge in tried
    beyond = float(fmt.widen(fmt.neighbour(fmt.round_array([edge]), 1))[0])
    assert beyond in tried


def test_several_edges_at_once():
    """Parents of one shape, no two of nearly the same magnitude."""
    fmt = formats.get("float32")
    parents = parents_of("tanh", fmt, {"x": 2.5}, {"x": 2.6}, {"x": -40.0}, {"x": 1e-30})
    edges = [nearest(fmt, edge) for edge in (3.3, -52.0, 1.5e-30)]
    tried = followed(parents, lambda x: np.isin(np.sign(x), 1) * (x <= edges[0]) + (x < edges[1]))
    assert edges[0] in tried
    assert (np.abs(tried - edges[1]) < 1e-5).any()


def test_within_the_budget():
    """Never more examples than it may have; none where one edge costs more."""
    fmt = formats.get("float32")
    parents = parents_of("softmax", fmt, {"x": [2.5, 1.0]}, {"x": [30.0, 1.0]})
    for budget in (0, 50, 150, 1000):
        assert followed(parents, lambda x: x, budget).size <= budget
    assert 0 == followed(parents, lambda x: x, 50).size


def test_numbers_stay_where_they_may_be():
    """Outside of what is allowed the number of the parent stands."""
    fmt = formats.get("float32")
    parents = parents_of("tanh", fmt, {"x": 2.5})
    parents.allowed = {"x": (2.0, 3.0)}
    tried = followed(parents, lambda x: x)
    assert tried.min() >= 2.0
    assert tried.max() <= 3.0


def test_nowhere_to_start():
    """Without parents, or with zeros only, there is no magnitude to scale."""
    fmt = formats.get("float32")
    assert 0 == followed(parents_of("tanh", fmt), lambda x: x).size
    assert 0 == followed(parents_of("tanh", fmt, {"x": 0.0}), lambda x: x).size
