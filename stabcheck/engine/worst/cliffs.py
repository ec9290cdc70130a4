"""Bisection across cliffs: errors are largest where an implementation goes over from one way to another.

A threshold (x > 20, |x| < 1e-4), the end of a table, the last binade before an underflow: on one side of it
errors grow, on the other they are gone. Each of the worst examples is scaled as a whole, from half to twice
its magnitude; the two neighbouring points between which the error changes most close in on such an edge until
they are neighbours on the number line.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.worst.parents import Floats, Inputs, Parents, Search
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe
from stabcheck.strategies.recipes import EXAMPLE_ELEMENTS

Array = npt.NDArray[Any]

#: Magnitudes tried at once along one cliff: those of an elementwise op are one example.
_POINTS = 16
#: Cliffs followed side by side.
_CLIFFS = 8


def cliffs(parents: Parents, examples: int) -> Search:
    """So many examples at most."""
    points = EXAMPLE_ELEMENTS if parents.elementwise else _POINTS
    cost = 1 if parents.elementwise else _POINTS
    rounds = math.ceil(parents.format.precision / math.log2(points - 1)) + 1
    edges = _starts(parents, min(_CLIFFS, examples // (cost * rounds)), BLOCK_ELEMENTS // points)
    for _ in range(rounds):
        edges = [edge for edge in edges if edge.open]
        if not edges:
            return
        tried = [edge.points(points) for edge in edges]
        errors = yield _block(parents, edges, tried)
        each = errors.reshape(len(edges), points, -1).max(axis=2, initial=0.0)
        for edge, places, error in zip(edges, tried, each, strict=True):
            edge.close_in(places, error)


class _Edge:
    """An example to be scaled, and the ordinals of the magnitudes between which the edge lies."""

    def __init__(self, parents: Parents, inputs: Inputs) -> None:
        self.inputs, self.format = inputs, parents.format
        name = next(a.name for a in parents.op.arguments if not a.integer)
        self.name, x = name, parents.format.widen(inputs[name])
        self.top = float(np.max(np.abs(x), initial=0.0))
        self.shape = x / self.top if self.top else x
        ends = parents.format.round_array([0.5 * self.top, min(2.0 * self.top, parents.format.max)])
        self.low, self.high = (int(place) for place in parents.format.ordinal(ends))

    @property
    def open(self) -> bool:
        return self.high - self.low > 1

    def points(self, count: int) -> npt.NDArray[np.int64]:
        """Ordinals from one end to the other."""
        return self.low + np.arange(count) * (self.high - self.low) // (count - 1)

    def close_in(self, places: npt.NDArray[np.int64], errors: Floats) -> None:
        """Go on between the two neighbours whose errors differ most."""
        where = int(np.argmax(np.abs(np.diff(errors))))
        self.low, self.high = int(places[where]), int(places[where + 1])

    def scaled(self, places: npt.NDArray[np.int64]) -> Array:
        """The argument at these magnitudes, first axis the magnitudes."""
        magnitudes = self.format.widen(self.format.from_ordinal(places))
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.format.round_array(np.multiply.outer(magnitudes, self.shape)))


def _starts(parents: Parents, count: int, numbers: int) -> list[_Edge]:
    """At most so many parents, of so many numbers in all: of one shape, the worst first, no two of nearly the
    same magnitude."""
    edges: list[_Edge] = []
    for inputs in parents.inputs:
        edge = _Edge(parents, inputs)
        alike = all(edge.shape.shape == other.shape.shape for other in edges)
        far = all(not edge.low < (other.low + other.high) // 2 < edge.high for other in edges)
        fits = len(edges) < min(count, numbers // max(a.size for a in inputs.values()))
        if fits and edge.top and alike and far:
            edges.append(edge)
    return edges


def _block(parents: Parents, edges: list[_Edge], tried: list[npt.NDArray[np.int64]]) -> Block:
    inputs = {}
    for a in parents.op.arguments:
        own = [
            parents.within(a.name, edge.scaled(places), edge.inputs[a.name])
            if a.name == edge.name
            else np.broadcast_to(edge.inputs[a.name], (len(places), *edge.inputs[a.name].shape))
            for edge, places in zip(edges, tried, strict=True)
        ]
        inputs[a.name] = np.stack(own) if parents.elementwise else np.concatenate(own)
    rows = len(next(iter(inputs.values())))
    classes = max(a.shape[-1] if a.ndim > 1 else 1 for a in inputs.values())
    return Block((Recipe("edge", rows, classes, 0),), inputs)
