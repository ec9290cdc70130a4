"""The three ways in turn: climbing, bisection across cliffs, and what Hypothesis aims at."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import numpy as np

from stabcheck.engine.worst.aim import COPIES, aim
from stabcheck.engine.worst.cliffs import cliffs
from stabcheck.engine.worst.climb import climb
from stabcheck.engine.worst.parents import Floats, Parents, Search
from stabcheck.formats import Format
from stabcheck.judge import Verdict
from stabcheck.ops.op import Op
from stabcheck.strategies.block import Block

#: The part of the examples that makes errors larger.
SHARE = 1 / 8
#: Of that, the part that bisects, and the part that aims where it can propose at least so many times: of
#: fewer observations Hypothesis learns nothing, and a proposal costs as much as many examples.
_BISECTS = 1 / 4
_AIMS = 1 / 8
_PROPOSALS = 8
#: Examples below which nothing is bisected: every step is a call of its own.
_EDGES = 20
#: As good as infinitely wrong.
_LARGE = 1e6


class Worst:
    """Keeps the worst examples of one cell and makes worse ones of them."""

    def __init__(self, op: Op, fmt: Format, seed: int, allowed: Mapping[str, tuple[float, float]]) -> None:
        self._parents = Parents(op, fmt, allowed)
        self._seed = seed
        self._rng = np.random.default_rng([seed & (2**63 - 1), 0xC11B])
        self._last: Verdict | None = None

    def watch(self, block: Block, verdict: Verdict) -> None:
        """Learn from the verdict on a block."""
        self._last = verdict
        self._parents.watch(block, verdict)

    def blocks(self, examples: int) -> Iterator[Block]:
        """Blocks for a search of so many examples, a part of them in all; every one must have been given to
        `watch` before the next is asked for."""
        left = int(examples * SHARE)
        proposed = int(left * _AIMS) // COPIES
        aimed = aim(self._parents, self._rng, self._seed, proposed if proposed >= _PROPOSALS else 0)
        left -= yield from self._judged(aimed)
        bisected = int(left * _BISECTS)
        left -= yield from self._judged(cliffs(self._parents, bisected if bisected >= _EDGES else 0))
        yield from self._judged(climb(self._parents, self._rng, left))

    def _judged(self, search: Search) -> Generator[Block, None, int]:
        """The blocks of a search, told how each was judged; at the end how many examples they had."""
        examples, block = 0, next(search, None)
        while block is not None:
            yield block
            examples += block.rows
            block = _advanced(search, self._errors())
        return examples

    def _errors(self) -> Floats:
        """Errors of the outputs of the block judged last, in ulps; whatever has failed has a large one."""
        assert self._last is not None, "every block is judged before the next one is asked for"
        errors = np.where(self._last.judged, self._last.ulps, 0.0)
        return np.nan_to_num(np.minimum(errors, _LARGE), nan=_LARGE)


def _advanced(search: Search, errors: Floats) -> Block | None:
    try:
        return search.send(errors)
    except StopIteration:
        return None
