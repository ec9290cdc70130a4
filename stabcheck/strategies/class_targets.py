"""Targets: class indices chosen by what stands in the row, and soft targets with exact zeros and ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.strategies.regimes import Floats, Rng, log_uniform

Ints = npt.NDArray[np.int64]

#: Shares of the rules by which a class is chosen: the largest, the smallest, one equal to the largest,
#: an impossible one (masked, of probability 0), any.
_RULES = (0.3, 0.2, 0.1, 0.08, 0.32)
#: Shares of examples in which no row, some rows and every row are ignored.
_IGNORED = (0.65, 0.27, 0.08)


def indices(rng: Rng, scores: Floats, options: Mapping[str, Any], masked_too: bool) -> Ints:
    """A class per row of scores (rows, ..., C); -inf marks a masked class, NaN is anything.

    Most examples follow one rule in all their rows. A masked class is chosen only with `masked_too`: its loss
    is infinite. Where the options name an ignored index, some examples have some of their rows ignored, or
    all; rows with a NaN or an infinity more often.
    """
    n = scores.shape[-1]
    leading = scores.shape[:-1]
    each = (leading[0],) + (1,) * (len(leading) - 1)
    clean = np.nan_to_num(scores, nan=0.0, posinf=np.finfo(np.float64).max, neginf=-np.inf)
    # The largest of these among the classes in question is any of them (a product costs less than a choice).
    lots = rng.random(scores.shape) + 1.0
    possible = np.isfinite(clean)
    anything = np.argmax(lots * possible, axis=-1)
    largest = np.argmax(clean, axis=-1)
    smallest = np.argmin(clean if possible.all() else np.where(possible, clean, np.inf), axis=-1)
    tied = np.argmax(lots * (clean == np.take_along_axis(clean, largest[..., None], axis=-1)), axis=-1)
    masked = np.argmax(lots * ~possible, axis=-1) if masked_too else anything
    rules = np.where(
        rng.random(each) < 0.6,
        rng.choice(len(_RULES), size=each, p=_RULES),
        rng.choice(len(_RULES), size=leading, p=_RULES),
    )
    chosen: Ints = np.choose(rules, (largest, smallest, tied, masked, anything)).astype(np.int64)
    ignored = next((options[name] for name in ("ignore_index", "ignore_label") if name in options), None)
    if ignored is not None and options.get("target_kind", "index") == "index" and n:
        share = rng.choice((0.0, 0.4, 1.0), size=each, p=_IGNORED)
        if math.prod(leading[1:]) > 1:  # beside other rows: what is ignored must not reach the loss
            share = np.where(np.isfinite(scores).all(axis=-1), share, np.maximum(share, 0.5))
        chosen = np.where(rng.random(leading) < share, ignored, chosen)
    return chosen


def soft_rows(rng: Rng, fmt: Format, scores: Floats, options: Mapping[str, Any], masked_too: bool) -> Floats:
    """Rows of probabilities beside rows of scores: one-hot, two classes, spread out with exact zeros, equal,
    and the softmax of the scores themselves (where every gradient vanishes).

    Masked classes get weight only with `masked_too`, in some examples: their loss is infinite.
    """
    n = scores.shape[-1]
    each = (scores.shape[0],) + (1,) * (scores.ndim - 1)
    best = indices(rng, scores, {}, masked_too)[..., None]
    one_hot: Floats = (np.arange(n) == best).astype(np.float64)
    if options.get("target_kind") == "onehot":
        return np.asarray(one_hot)
    other = (np.arange(n) == rng.integers(max(n, 1), size=best.shape)).astype(np.float64)
    spread = _softmax(rng.normal(size=scores.shape) * log_uniform(rng, 0.1, 20.0, each))
    spread = np.where(rng.random(scores.shape) < 0.3, 0.0, spread)
    manners = (
        one_hot,
        0.5 * one_hot + 0.5 * other,
        spread,
        np.full(scores.shape, 1.0 / max(n, 1)),
        _softmax(np.nan_to_num(scores, nan=0.0, posinf=0.0)),
        0.9 * one_hot + 0.1 / max(n, 1),
    )
    chosen = rng.choice(len(manners), size=each, p=(0.3, 0.15, 0.2, 0.1, 0.1, 0.15))
    values = np.choose(chosen, manners)
    values = np.where(np.isneginf(scores) & ((rng.random(each) < 0.7) | (not masked_too)), 0.0, values)
    return fmt.widen(fmt.round_array(values))


def soft_numbers(rng: Rng, fmt: Format, x: Floats) -> Floats:
    """Targets in [0, 1] beside numbers x: mostly exactly 0 and 1, also next to them, tiny, and in between."""
    u = fmt.u
    manners = (
        np.zeros(x.shape),
        np.ones(x.shape),
        rng.random(x.shape),
        np.full(x.shape, 0.5),
        1.0 - u * rng.integers(1, 4, x.shape),
        log_uniform(rng, fmt.eta, u, x.shape),
        np.clip(1 / (1 + np.exp(-np.clip(np.nan_to_num(x), -600, 600))), 0, 1),
    )
    chosen = rng.choice(len(manners), size=x.shape, p=(0.3, 0.3, 0.15, 0.07, 0.06, 0.06, 0.06))
    return np.asarray(np.choose(chosen, manners))


def _softmax(x: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = x - np.max(x, axis=-1, keepdims=True, initial=-np.finfo(np.float64).max)
        e = np.exp(np.nan_to_num(shifted, nan=0.0))
    return np.asarray(e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-300))
