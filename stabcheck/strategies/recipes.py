"""Recipes and blocks: Hypothesis draws a small recipe, NumPy expands it to many examples at once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.strategies import companions
from stabcheck.strategies.regimes import LENGTHS, REGIMES, Regime, get

Array = npt.NDArray[Any]

#: Input elements of one block: bounds the memory of a run however long it is.
BLOCK_ELEMENTS = 1 << 16
#: Elements of one example of an elementwise op.
EXAMPLE_ELEMENTS = 64
#: Rows that a regime of share 1 gets in one block of a long search.
_ROWS = 2048
#: Longest rows are drawn few at a time.
_LONG_ROWS = 2
_SPECIALS = ("finite", "masked", "extended")


#: Bits of the number that a round of recipes is made of.
_BITS = 32
#: That number, drawn bit by bit: among integers Hypothesis mixes constants that it finds in the user's own
#: source files, and the blocks must depend on nothing but `Draws`.
_NUMBERS = st.lists(st.booleans(), min_size=_BITS, max_size=_BITS).map(
    lambda bits: sum(bit << place for place, bit in enumerate(bits))
)


@dataclass(frozen=True)
class Recipe:
    """Everything a block depends on: `classes` is the length of a row, `seed` an integer for NumPy."""

    regime: str
    rows: int
    classes: int
    seed: int


@dataclass(frozen=True)
class Block:
    """Examples drawn at once from one regime: argument name -> array, first axis the examples."""

    recipe: Recipe
    inputs: Mapping[str, Array]

    @property
    def rows(self) -> int:
        return int(next(iter(self.inputs.values())).shape[0])

    def row(self, i: int) -> dict[str, Array]:
        """One example, without the axis of the block."""
        return {name: a[i].copy() for name, a in self.inputs.items()}


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
    left = draws.examples
    for place, recipe in enumerate(_recipes(draws)):
        if left <= 0:
            return
        rows = min(recipe.rows, left)
        left -= rows
        yield expand(Recipe(recipe.regime, rows, recipe.classes, recipe.seed), draws, place)


def expand(recipe: Recipe, draws: Draws, place: int) -> Block:
    """The block of a recipe; `place`, its position in the search, takes part in the seed."""
    regime = next(r for r in (*draws.op.regimes, get_or_none(recipe.regime)) if r and r.name == recipe.regime)
    rng = np.random.default_rng([_key(draws), draws.seed & (2**63 - 1), place, recipe.seed])
    return Block(recipe, companions.draw(rng, draws, regime, recipe.rows, recipe.classes))


def get_or_none(name: str) -> Regime | None:
    return REGIMES.get(name)


def _key(draws: Draws) -> int:
    """A number for (op, options, format): Python's own hash changes from process to process."""
    text = f"{draws.op.name}|{draws.op.canonical(draws.options)}|{draws.format.name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _recipes(draws: Draws) -> Iterator[Recipe]:
    chosen = draws.chosen()
    shares = sum(r.share for r in chosen)
    # About three rounds over all regimes at small efforts, larger blocks at large ones.
    per_round = max(draws.examples / 3, shares)
    if draws.examples > 3 * _ROWS * shares:
        per_round = _ROWS * shares
    rounds = math.ceil(draws.examples / per_round) + 1
    drawn: list[int] = []
    rows = [max(1, round(per_round * r.share / shares)) for r in chosen]

    @hypothesis.seed(_key(draws) ^ draws.seed)
    @hypothesis.settings(
        max_examples=rounds,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        backend="hypothesis",
    )
    @hypothesis.given(_NUMBERS)
    def collect(number: int) -> None:
        drawn.append(number)

    collect()
    left = draws.examples
    while left > 0:  # Hypothesis may stop early where a space is small: go round again
        for number in drawn:
            # One number for each regime: to draw them all one by one would cost more than the examples.
            each = np.random.default_rng([number, len(chosen)]).integers(2**_BITS, size=len(chosen))
            for regime, count, own in zip(chosen, rows, each.tolist(), strict=True):
                recipe = _sized(regime, draws, count, own)
                left -= recipe.rows
                yield recipe


def _sized(regime: Regime, draws: Draws, rows: int, number: int) -> Recipe:
    """The recipe that a drawn number stands for: its length of rows, and the seed of its values."""
    lengths = _lengths(regime, draws)
    if regime.long and number % 2 == 0:
        classes = lengths[-1]  # as long as was asked: the first one too, which Hypothesis draws as 0
    else:
        classes = lengths[(number // 2 if regime.long else number) % len(lengths)]
    fit = max(1, min(rows, BLOCK_ELEMENTS // max(classes, 1)))
    if regime.long:
        fit = min(fit, _LONG_ROWS * max(1, rows // 32))
    return Recipe(regime.name, fit, classes, number)


def _lengths(regime: Regime, draws: Draws) -> Sequence[int]:
    if draws.op.kind == "elementwise":
        return (EXAMPLE_ELEMENTS,)
    if regime.long:
        return range(min(257, draws.max_classes), draws.max_classes + 1)
    return [n for n in regime.lengths or LENGTHS if n <= draws.max_classes] or [1]
