"""Search for the worst: hill-climbing on ordinals from the worst examples so far.

A part of the effort makes errors larger instead of spreading out: the elements with the largest errors are
taken as parents, their numbers moved up or down the number line by steps of every size, and the worst of the
children become parents. (Predoo climbs on log-ulps in the same way; uniform steps on ordinals are Herbie's.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.judge import Verdict
from stabcheck.ops.op import Op
from stabcheck.oracle.scaled import all_finite
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe
from stabcheck.strategies.recipes import EXAMPLE_ELEMENTS

Array = npt.NDArray[Any]

#: The part of the examples that climbs.
SHARE = 1 / 8
#: Parents kept.
_PARENTS = 16
#: Generations, where there are examples for as many: climbing in one step is no climbing, and a generation of
#: fewer children costs as much.
_GENERATIONS = 6
_CHILDREN = 16
#: Up, down, and half of the numbers not at all.
_WAYS = np.array([-1.0, 0.0, 0.0, 1.0])
#: Longest rows that climb.
_CLASSES = 64


class Climber:
    """Keeps the worst examples of one cell and breeds blocks from them."""

    def __init__(self, op: Op, fmt: Format, seed: int, allowed: Mapping[str, tuple[float, float]]) -> None:
        self._op, self._format, self._allowed = op, fmt, allowed
        self._rng = np.random.default_rng([seed & (2**63 - 1), 0xC11B])
        self._parents: list[tuple[float, dict[str, Array]]] = []

    def watch(self, block: Block, verdict: Verdict) -> None:
        """Remember the worst of this block that is still inside its gate (failures are found already)."""
        if not 0 < block.classes <= _CLASSES and self._op.kind != "elementwise":
            return
        ulps = verdict.ulps
        if verdict.code.any() or not all_finite(ulps):
            ulps = np.where((verdict.code == 0) & np.isfinite(ulps), ulps, 0.0)
        if not ulps.max(initial=0.0) > self._floor:
            return
        if self._op.kind == "elementwise":
            for flat in _largest(ulps.reshape(-1), _PARENTS, self._floor):
                place = np.unravel_index(int(flat), ulps.shape)
                self._keep(float(ulps[place]), {n: np.asarray(a[place]) for n, a in block.inputs.items()})
            return
        worst = ulps.reshape(block.rows, -1).max(axis=1, initial=0.0)
        for row in _largest(worst, _PARENTS // 2, self._floor):
            self._keep(float(worst[row]), block.row(int(row)))

    @property
    def _floor(self) -> float:
        """An error no larger than this makes nobody a parent."""
        return self._parents[-1][0] if len(self._parents) == _PARENTS else 0.5

    def _keep(self, ulps: float, inputs: dict[str, Array]) -> None:
        if any(not np.isfinite(a.astype(np.float64)).all() for a in inputs.values()):
            return
        self._parents.append((ulps, inputs))
        self._parents.sort(key=lambda p: -p[0])
        del self._parents[_PARENTS:]

    def blocks(self, examples: int) -> Iterator[Block]:
        """Children, about `examples` examples in all; feed their verdicts back through `watch`."""
        left = int(examples * SHARE)
        size = max(_CHILDREN, left // _GENERATIONS)
        while left > 0 and self._parents:
            count = min(size, left)
            left -= count
            yield self._elements(count) if self._op.kind == "elementwise" else self._rows(count)

    def _elements(self, count: int) -> Block:
        rows = max(1, min(count, BLOCK_ELEMENTS // EXAMPLE_ELEMENTS))
        picked = self._rng.integers(len(self._parents), size=rows * EXAMPLE_ELEMENTS)
        inputs = {}
        for a in self._op.arguments:
            parents = np.stack([parent[a.name] for _, parent in self._parents])
            moved = self._moved(parents[picked], self._allowed[a.name])
            inputs[a.name] = moved.reshape(rows, EXAMPLE_ELEMENTS)
        return Block((Recipe("climb", rows, EXAMPLE_ELEMENTS, 0),), inputs)

    def _rows(self, count: int) -> Block:
        parent = self._parents[int(self._rng.integers(len(self._parents)))][1]
        rows = max(1, min(count, BLOCK_ELEMENTS // max(a.size for a in parent.values())))
        inputs = {}
        for a in self._op.arguments:
            tiled = np.broadcast_to(parent[a.name], (rows, *parent[a.name].shape))
            inputs[a.name] = tiled.copy() if a.integer else self._moved(tiled, self._allowed[a.name])
        classes = max(a.shape[-1] if a.ndim > 1 else 1 for a in inputs.values())
        return Block((Recipe("climb", rows, classes, 0),), inputs)

    def _moved(self, values: Array, domain: tuple[float, float]) -> Array:
        """Some of the numbers, moved along the number line by 1 to 2^(p-2) steps either way."""
        reach = self._rng.uniform(0, max(self._format.precision - 2, 1), values.shape)
        steps = np.rint(np.exp2(reach)) * _WAYS[self._rng.integers(len(_WAYS), size=values.shape)]
        last = self._format.max_ordinal
        places = np.clip(self._format.ordinal(values) + steps.astype(np.int64), -last, last)
        moved = self._format.from_ordinal(places)
        wide = self._format.widen(moved)
        return np.where((wide >= domain[0]) & (wide <= domain[1]), moved, values)


def _largest(values: npt.NDArray[np.float64], count: int, floor: float) -> Array:
    """The places of at most so many of the largest values above the floor, the largest last."""
    places = np.flatnonzero(values > floor)
    return np.asarray(places[np.argsort(values[places], kind="stable")][-count:])
