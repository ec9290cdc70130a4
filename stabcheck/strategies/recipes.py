"""Recipes: Hypothesis draws small ones, NumPy expands each to many examples of a regime at once."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.strategies import companions
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe, joined
from stabcheck.strategies.hypothesis_runs import BITS, drawn
from stabcheck.strategies.regimes import LENGTHS, REGIMES, Regime, get

#: Elements of one example of an elementwise op.
EXAMPLE_ELEMENTS = 64
#: Rows that a regime of share 1 gets in one block of a long search.
_ROWS = 2048
#: Longest rows are drawn few at a time.
_LONG_ROWS = 3
#: Rounds over all regimes, two or three: one for so many examples.
_ROUNDS = (2, 3)
_EXAMPLES_A_ROUND = 200
#: Lengths of rows that the regimes of one round share: three to seven, one for so many examples (a block of
#: fewer costs as much). Shapes of one call that they share for each length.
_FEW = (3, 7)
_EXAMPLES_EACH = 125
_SHAPES = 2
_SPECIALS = ("finite", "masked", "extended")


@dataclass(frozen=True)
class Draws:
    """What the inputs of a search depend on; nothing here names a target."""

    op: Op
    options: Mapping[str, Any]
    format: Format
    examples: int
    seed: int = 0
    max_classes: int = 4096
    specials: str = "masked"
    range: tuple[float, float] | None = None
    regimes: tuple[str, ...] | None = None

    def chosen(self) -> tuple[Regime, ...]:
        """The regimes that serve this op under these specials (or those that were named)."""
        own = (*REGIMES.values(), *self.op.regimes)
        if self.regimes is not None:
            by_name = {r.name: r for r in own}
            return tuple(by_name[n] if n in by_name else get(n) for n in self.regimes)
        level = _SPECIALS.index(self.specials)
        elementwise = self.op.kind == "elementwise"
        return tuple(
            r
            for r in own
            if _SPECIALS.index(r.specials) <= level
            and not (r.rows and elementwise)
            and (self.op.masked or r.specials != "masked" or not r.rows)
            and (not r.long or self.max_classes >= 64)
            and (self.op.empty or 0 not in r.lengths)
            and self._serves(r)
        )

    def _serves(self, regime: Regime) -> bool:
        if self.op.arguments[0].kind == "probabilities":
            return regime.specials != "extended"  # an infinite logit has no probability
        return regime.serves == "logits"


def blocks(draws: Draws) -> Iterator[Block]:
    """The blocks of a first search: `draws.examples` examples in all, every regime in turn.

    Depends on the fields of `draws` only: not on the target, the number of workers, the Hypothesis
    profile, or the CI variable.
    """
    left, place = draws.examples, 0
    for recipes in _rounds(draws):
        fitting = []
        for recipe in recipes:
            if left > 0:
                fitting.append(replace(recipe, rows=min(recipe.rows, left)))
                left -= recipe.rows
        yield from joined(expand(recipe, draws, place + i) for i, recipe in enumerate(fitting))
        place += len(fitting)
        if left <= 0:
            return


def expand(recipe: Recipe, draws: Draws, place: int) -> Block:
    """The block of a recipe; `place`, its position in the search, takes part in the seed."""
    regime = next(r for r in (*draws.op.regimes, get_or_none(recipe.regime)) if r and r.name == recipe.regime)
    # SFC64: a fifth faster than NumPy's default.
    bits = np.random.SFC64([_key(draws), draws.seed & (2**63 - 1), place, recipe.seed])
    rng = np.random.Generator(bits)
    return Block((recipe,), companions.draw(rng, draws, regime, recipe))


def get_or_none(name: str) -> Regime | None:
    return REGIMES.get(name)


def _key(draws: Draws) -> int:
    """A number for (op, options, format): Python's own hash changes from process to process."""
    text = f"{draws.op.name}|{draws.op.canonical(draws.options)}|{draws.format.name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _rounds(draws: Draws) -> Iterator[list[Recipe]]:
    """Round after round, a recipe of each regime in each, without end."""
    chosen = draws.chosen()
    shares = sum(r.share for r in chosen)
    # Two or three rounds over all regimes at small efforts, larger blocks at large ones.
    least, most = _ROUNDS
    per_round = max(draws.examples / min(max(draws.examples // _EXAMPLES_A_ROUND, least), most), shares)
    if draws.examples > 3 * _ROWS * shares:
        per_round = _ROWS * shares
    rounds = math.ceil(draws.examples / per_round) + 1
    rows = [max(1, round(per_round * r.share / shares)) for r in chosen]
    for place, number in enumerate(itertools.cycle(drawn(draws.seed, rounds))):
        rng = np.random.default_rng([number, _key(draws), draws.seed & (2**63 - 1)])
        few, shapes = _few_lengths(place + draws.seed, draws), rng.integers(2**BITS, size=_SHAPES).tolist()
        # One number for each regime: to draw them all one by one would cost more than the examples.
        each = rng.integers(2**BITS, size=len(chosen)).tolist()
        if place == 0:
            each = [own & ~1 for own in each]  # the first long rows are as long as was asked
        yield [
            Recipe(r.name, _fitting(r, n, classes), classes, own, shapes[own // 2 % _SHAPES])
            for r, n, own in zip(chosen, rows, each, strict=True)
            for classes in (_classes(r, draws, few, own),)
        ]


def _few_lengths(turn: int, draws: Draws) -> Sequence[int]:
    """The lengths that the regimes of one round share, from the short to the long, so that their examples
    fit together in a few blocks; three rounds of a search of many examples have had them all."""
    least, most = _FEW
    parts = min(max(draws.examples // _EXAMPLES_EACH, least), most)
    groups = np.array_split([n for n in LENGTHS if n <= draws.max_classes] or [1], parts)
    return [int(group[turn % len(group)]) for group in groups if group.size]


def _classes(regime: Regime, draws: Draws, few: Sequence[int], number: int) -> int:
    """The length of rows that a drawn number stands for."""
    place = number // 2
    if draws.op.kind == "elementwise":
        return EXAMPLE_ELEMENTS
    if regime.long:
        longest = draws.max_classes
        shortest = min(257, longest)
        if regime.ragged:
            return max(min(_with_a_rest(place, longest), longest), shortest)
        return longest if number % 2 == 0 else shortest + place % (longest - shortest + 1)
    own = [n for n in regime.lengths if n <= draws.max_classes] or [1]
    shared = [n for n in own if n in few] or own if regime.lengths else few
    return shared[place % len(shared)]


def _with_a_rest(number: int, longest: int) -> int:
    """Whole blocks of a power of two and a few classes more, for which a kernel needs a way of its own."""
    block = 64 << number % 6
    blocks = 1 + number // 6 % max((longest - 32) // block, 1)
    return block * blocks + 1 + number // 1000 % 31


def _fitting(regime: Regime, rows: int, classes: int) -> int:
    """How many rows of that length one recipe draws."""
    fit = max(1, min(rows, BLOCK_ELEMENTS // max(classes, 1)))
    few = math.ceil(_LONG_ROWS * regime.share) * max(1, rows // 32)
    return min(fit, few) if regime.long else fit
