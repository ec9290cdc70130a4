"""Hill-climbing on ordinals from the worst examples so far.

The elements with the largest errors are taken as parents, their numbers moved up or down the number line by
steps of every size, and the worst of the children become parents. (Predoo climbs on log-ulps in the same
way; uniform steps on ordinals are Herbie's.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.worst.parents import Parents, Search
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe
from stabcheck.strategies.recipes import EXAMPLE_ELEMENTS

Array = npt.NDArray[Any]

#: Generations, where there are examples for as many: climbing in one step is no climbing, and a generation of
#: fewer children costs as much.
_GENERATIONS = 6
_CHILDREN = 25
#: Up, down, and of many numbers half not at all.
_WAYS = np.array([-1.0, 0.0, 0.0, 1.0])
_EITHER_WAY = np.array([-1.0, 1.0])


def climb(parents: Parents, rng: np.random.Generator, examples: int) -> Search:
    """So many children, generation by generation; the parents see every block judged before the next."""
    size = max(_CHILDREN, examples // _GENERATIONS)
    while examples > 0 and parents.found:
        count = min(size, examples)
        examples -= count
        yield _elements(parents, rng, count) if parents.elementwise else _rows(parents, rng, count)


def _elements(parents: Parents, rng: np.random.Generator, count: int) -> Block:
    rows = max(1, min(count, BLOCK_ELEMENTS // EXAMPLE_ELEMENTS))
    picked = rng.integers(len(parents.found), size=rows * EXAMPLE_ELEMENTS)
    inputs = {}
    for a in parents.op.arguments:
        values = np.stack([parent[a.name] for parent in parents.inputs])
        moved = _moved(parents, rng, a.name, values[picked])
        inputs[a.name] = moved.reshape(rows, EXAMPLE_ELEMENTS)
    return Block((Recipe("climb", rows, EXAMPLE_ELEMENTS, 0),), inputs)


def _rows(parents: Parents, rng: np.random.Generator, count: int) -> Block:
    parent = parents.inputs[int(rng.integers(len(parents.found)))]
    rows = max(1, min(count, BLOCK_ELEMENTS // max(a.size for a in parent.values())))
    inputs = {}
    for a in parents.op.arguments:
        tiled = np.broadcast_to(parent[a.name], (rows, *parent[a.name].shape))
        inputs[a.name] = tiled.copy() if a.integer else _moved(parents, rng, a.name, tiled)
    classes = max(a.shape[-1] if a.ndim > 1 else 1 for a in inputs.values())
    return Block((Recipe("climb", rows, classes, 0),), inputs)


def _moved(parents: Parents, rng: np.random.Generator, name: str, values: Array) -> Array:
    """Some of the numbers (where there is only one, that), moved along the number line by 1 to 2^(p-2) steps
    either way."""
    fmt = parents.format
    alone = parents.elementwise and len(parents.op.arguments) == 1
    ways = _EITHER_WAY if alone else _WAYS
    reach = rng.uniform(0, max(fmt.precision - 2, 1), values.shape)
    steps = np.rint(np.exp2(reach)) * ways[rng.integers(len(ways), size=values.shape)]
    places = np.clip(fmt.ordinal(values) + steps.astype(np.int64), -fmt.max_ordinal, fmt.max_ordinal)
    return parents.within(name, fmt.from_ordinal(places), values)
