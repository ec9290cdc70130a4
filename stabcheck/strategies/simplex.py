"""Probabilities: as a softmax or a sigmoid hands them on, and at the edges 0 and 1.

Ordinary regimes speak of logits; their softmax (with exact zeros where it underflows) or sigmoid stands for
them. What a search judges are distributions: `summing_to_one`.
"""

from __future__ import annotations

import numpy as np

from stabcheck.formats import Format
from stabcheck.strategies.regimes import (
    Floats,
    Regime,
    Rng,
    Shape,
    column,
    top_mask,
)


def of_regime(rng: Rng, fmt: Format, regime: Regime, shape: Shape, rows: bool) -> Floats:
    """Probabilities of that regime; NaN stays NaN."""
    values = regime.fill(rng, fmt, shape)
    if regime.serves == "probabilities":
        return values
    return _softmax(values) if rows else _sigmoid(values)


def summing_to_one(fmt: Format, p: Floats) -> Floats:
    """The rows as distributions, in numbers of the format; rows with a NaN stay as they are.

    Some implementations divide by the sum first (scipy.stats.entropy). That must change nothing: where one
    class has half of all, and log p or an entropy may be as small as u, the row sums to one exactly. The
    numbers of the format from 1/2 to 1 are the multiples of u; the other classes are made such, and what is
    smaller stays only where together it does not count in a sum. Other rows sum to one within a few u.
    """
    known = ~np.isnan(p).any(axis=-1, keepdims=True)
    clean = np.where(known, p, 0.0)
    total = clean.sum(axis=-1, keepdims=True)
    shares = np.where(total > 0, clean / np.maximum(total, fmt.eta), 1.0 / max(p.shape[-1], 1))
    held = fmt.widen(fmt.round_array(shares))
    first = np.arange(p.shape[-1]) == np.argmax(held, axis=-1)[..., None]
    others = np.where(first, 0.0, held)
    tiny = others < fmt.u / 2
    negligible = np.where(tiny, others, 0.0).sum(axis=-1, keepdims=True) < fmt.u / 4
    whole = np.where(tiny, 0.0, np.rint(others / fmt.u) * fmt.u)
    rest = np.where(tiny & negligible, others, whole)
    exact = np.where(first, 1.0 - whole.sum(axis=-1, keepdims=True), rest)
    heavy = held.max(axis=-1, keepdims=True, initial=0.0) >= 0.5
    return np.where(known, np.where(heavy, exact, held), p)


def logarithms(x: Floats, rows: bool) -> Floats:
    """Log-probabilities of these logits; NaN stays NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not rows:
            return np.asarray(np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x))))
        top = np.nan_to_num(x, nan=-np.inf).max(axis=-1, keepdims=True, initial=-np.finfo(np.float64).max)
        apart = x - top
        return np.asarray(apart - np.log(np.nansum(np.exp(apart), axis=-1, keepdims=True)))


def beside(rng: Rng, fmt: Format, regime: Regime, p: Floats, rows: bool) -> Floats:
    """A second row of probabilities beside p, one manner per example: its own, a few ulps away, equal, equal
    but for an exact 0, in another order."""
    each = column(p.shape)
    own = of_regime(rng, fmt, regime, p.shape, rows)
    clean = np.nan_to_num(p, nan=0.5)
    near = fmt.widen(fmt.neighbour(fmt.round_array(clean), rng.integers(-3, 4, p.shape)))
    manners = (
        own,
        np.clip(near, 0.0, 1.0),
        clean,
        np.where(top_mask(rng, p.shape), 0.0, clean),
        rng.permuted(clean, axis=-1),
        np.where(clean > 0, np.maximum(own, fmt.eta), own),
    )
    chosen = rng.choice(len(manners), size=each, p=(0.2, 0.2, 0.1, 0.1, 0.1, 0.3))
    return np.choose(chosen, manners)


def _sigmoid(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        e = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, 1.0) / (1 + e))


def _softmax(x: Floats) -> Floats:
    nan = np.isnan(x)
    clean = np.where(nan, 0.0, x)
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(clean - clean.max(axis=-1, keepdims=True, initial=-np.finfo(np.float64).max))
        p = e / e.sum(axis=-1, keepdims=True)
    return np.where(nan, np.nan, np.nan_to_num(p, nan=1.0))
