"""Targeted search: Hypothesis turns a few knobs on the worst examples, told by `target` what they did.

Hill-climbing on ordinals moves numbers one by one; here a whole example is stretched, slid along the axis,
and one of its numbers lifted above (or dropped below) the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from stabcheck.engine.worst.parents import Inputs, Parents, Search
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe
from stabcheck.strategies.hypothesis_runs import proposals

Array = npt.NDArray[Any]

#: Copies of a turned example, all but one of them with numbers a few ordinals away.
COPIES = 128
_JITTER = 3
#: Each knob has so many notches to either side: a stretch by up to 2^±2, a slide or a lift by up to ±16.
_NOTCHES = 64
_STRETCH, _SHIFT = 2.0 / _NOTCHES, 16.0 / _NOTCHES

_KNOB = st.integers(-_NOTCHES, _NOTCHES)
_KNOBS = st.tuples(st.integers(0, 2**16), _KNOB, _KNOB, _KNOB)


def aim(parents: Parents, rng: np.random.Generator, seed: int, proposed: int) -> Search:
    """So many blocks of `COPIES` examples."""
    if not proposed or not parents.found:
        return
    starts = parents.inputs
    knobs = proposals(seed, proposed, _KNOBS)
    try:
        turned = next(knobs)
        while True:
            errors = yield _block(parents, rng, starts[turned[0] % len(starts)], turned)
            turned = knobs.send(float(errors.max(initial=0.0)))
    except StopIteration:
        return


def _block(
    parents: Parents, rng: np.random.Generator, start: Inputs, turned: tuple[int, int, int, int]
) -> Block:
    copies = max(1, min(COPIES, BLOCK_ELEMENTS // max(a.size for a in start.values())))
    turning = next(a.name for a in parents.op.arguments if not a.integer)
    inputs = {}
    for a in parents.op.arguments:
        values = start[a.name]
        if a.name == turning:
            values = parents.within(a.name, _turned(parents, values, turned), values)
        tiled = np.broadcast_to(values, (copies, *values.shape))
        inputs[a.name] = tiled.copy() if a.integer else _jittered(parents, rng, a.name, tiled)
    classes = max(a.shape[-1] if a.ndim > 1 else 1 for a in inputs.values())
    if parents.elementwise:
        inputs, copies, classes = {name: a[None] for name, a in inputs.items()}, 1, copies
    return Block((Recipe("aimed", copies, classes, 0),), inputs)


def _turned(parents: Parents, values: Array, turned: tuple[int, int, int, int]) -> Array:
    """The numbers stretched and slid, one of them lifted; in the format."""
    chosen, stretch, slide, lift = turned
    wide = parents.format.widen(values) * 2.0 ** (stretch * _STRETCH) + slide * _SHIFT
    if wide.size > 1:
        wide.reshape(-1)[chosen % wide.size] += lift * _SHIFT
    return np.asarray(parents.format.round_array(wide)).reshape(values.shape)


def _jittered(parents: Parents, rng: np.random.Generator, name: str, values: Array) -> Array:
    steps = rng.integers(-_JITTER, _JITTER + 1, values.shape)
    steps[0] = 0
    last = parents.format.max_ordinal
    places = np.clip(parents.format.ordinal(values) + steps, -last, last)
    return parents.within(name, parents.format.from_ordinal(places), values)
