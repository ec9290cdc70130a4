"""Regimes, family by family; in this order they take their turns in a search."""

from stabcheck.strategies.regimes import everywhere, rows, long_rows, probabilities, specials  # noqa: I001
from stabcheck.strategies.regimes.registry import (
    LENGTHS,
    REGIMES,
    Floats,
    Regime,
    Rng,
    Shape,
    column,
    get,
    log_uniform,
    pick,
    regime,
    signs,
    top_mask,
)
from stabcheck.strategies.regimes.specials import EMPTY

__all__ = [
    "EMPTY",
    "LENGTHS",
    "REGIMES",
    "Floats",
    "Regime",
    "Rng",
    "Shape",
    "column",
    "everywhere",
    "get",
    "log_uniform",
    "long_rows",
    "pick",
    "probabilities",
    "regime",
    "rows",
    "signs",
    "specials",
    "top_mask",
]
