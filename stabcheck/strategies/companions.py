"""All arguments of a block: the principal one from its regime, the others to go with it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import FORMATS, Format
from stabcheck.ops.op import Argument
from stabcheck.strategies import class_targets, cotangents, linear, simplex
from stabcheck.strategies.regimes import Floats, Regime, Rng, Shape

if TYPE_CHECKING:
    from stabcheck.strategies.block import Recipe
    from stabcheck.strategies.recipes import Draws

Array = npt.NDArray[Any]

_FLOAT32 = FORMATS["float32"]

#: Rows of one call of a reducing op or layer: mostly few, so that no row hides behind the others.
_BATCH = (1, 1, 2, 2, 3, 3, 4, 5, 8)
_LARGER_BATCH = (16, 33, 64)
#: The share of larger ones; it grows where a recipe draws so many examples that the small ones were all seen.
_LARGER = 0.06
_MANY, _LARGER_OF_MANY = 512, 0.5
_SIDES = (1, 1, 2, 3)
_FEATURES = (1, 2, 2, 3, 4, 6, 9)
#: Room above the numbers of a row of which a formula of the user's may make a sum, and some products with
#: constants: that these overflow although the result is a number is nobody's fault.
_HEADROOM = 64
#: The share of numbers close to an end of the domain that was declared for them.
_NEAR_AN_END = 1 / 16
#: The share of numbers close to that of the first argument.
_NEAR_FIRST = 1 / 8
#: Numbers of the largest argument in one block of a reducing op.
_BLOCK_NUMBERS = 1 << 18


def draw(rng: Rng, draws: Draws, regime: Regime, recipe: Recipe) -> dict[str, Array]:
    """Argument name -> array of the recipe's examples in the format (class indices int64)."""
    rows, classes = recipe.rows, recipe.classes
    sizes = _sizes(recipe)
    inputs: dict[str, Array] = {}
    scores: Floats | None = None  # what the targets are chosen by: (rows, ..., C) where there are classes
    for place, argument in enumerate(draws.op.arguments):
        elementwise = draws.op.kind == "elementwise"
        shape = (rows, classes) if elementwise else (rows, *(sizes[axis] for axis in argument.axes))
        if argument.integer:
            assert scores is not None, "class indices come after what they point into"
            inputs[argument.name] = class_targets.indices(
                rng, scores, draws.options, draws.specials == "extended"
            ).reshape(shape)
            continue
        if argument.kind == "real" and draws.op.kind == "layer":
            continue  # features: drawn together with their weights
        if argument.kind == "weights" and draws.op.kind == "layer":
            first = draws.op.arguments[place - 1].name
            inputs[first], inputs[argument.name], scores = linear.features_and_weights(
                rng, draws.format, regime, rows, sizes
            )
            continue
        exact = _filled(rng, draws, regime, argument, shape, scores, inputs)
        inputs[argument.name] = draws.format.round_array(_within(rng, exact, argument, draws))
        if scores is None and place + 1 < len(draws.op.arguments):
            scores = draws.format.widen(inputs[argument.name])
            if not elementwise and argument.axes:
                scores = np.moveaxis(scores, argument.axes.index("C") + 1, -1)
    return _nan_beside(rng, draws, inputs)


def _nan_beside(rng: Rng, draws: Draws, inputs: dict[str, Array]) -> dict[str, Array]:
    """Of two rows of probabilities, in half of the examples the second has the NaN of the first."""
    names = [a.name for a in draws.op.arguments if a.kind == "probabilities" and a.axes]
    if len(names) < 2 or draws.op.kind != "row":
        return inputs
    first, second = names[:2]
    nan = np.isnan(inputs[first]) & (rng.random((len(inputs[first]), 1)) < 0.5)
    if not nan.any():
        return inputs
    half, missing = draws.format.round_array([0.5, math.nan])
    moved = {first: np.where(nan, half, inputs[first]), second: np.where(nan, missing, inputs[second])}
    return inputs | moved


def _filled(
    rng: Rng,
    draws: Draws,
    regime: Regime,
    argument: Argument,
    shape: Shape,
    scores: Floats | None,
    inputs: dict[str, Array],
) -> Floats:
    fmt = draws.format
    elementwise = draws.op.kind == "elementwise"
    if argument.kind == "probabilities":
        if scores is None:
            p = simplex.of_regime(rng, fmt, regime, shape, not elementwise)
        else:
            p = simplex.beside(rng, fmt, regime, scores, not elementwise)
        return p if elementwise else simplex.summing_to_one(fmt, p)
    if argument.kind == "log_probabilities":
        return simplex.logarithms(regime.fill(rng, fmt, shape), not elementwise)
    if argument.kind == "targets":
        assert scores is not None, "targets come after what they are the targets of"
        if elementwise:
            return class_targets.soft_numbers(rng, fmt, scores)
        return class_targets.soft_rows(rng, fmt, scores, draws.options, draws.specials == "extended")
    if argument.kind == "cotangent":
        assert scores is not None, "cotangents come after what they belong to"
        return cotangents.cotangents(rng, fmt, shape, scores)
    if argument.kind == "weights":
        return _weights(rng, shape)
    values = _logits(rng, draws, regime, argument, shape)
    if scores is not None and scores.shape == shape:
        return _near_first(rng, fmt, values, scores)
    return values


def _near_first(rng: Rng, fmt: Format, values: Floats, first: Floats) -> Floats:
    """Some of the numbers equal to those of the first argument or at a relative distance of any size: where
    differences and quotients of the two are small."""
    size = np.exp2(rng.uniform(-fmt.precision - 1, -1, values.shape)) * (rng.random(values.shape) < 0.75)
    with np.errstate(over="ignore", invalid="ignore"):
        near = first * (1 + np.where(rng.random(values.shape) < 0.5, size, -size))
    chosen = (rng.random(values.shape) < _NEAR_FIRST) & (np.abs(near) <= fmt.max)
    return np.where(chosen, near, values)


def _weights(rng: Rng, shape: Shape) -> Floats:
    """Weights of the terms of a row: ordinary, equal, of very different size, some of them exactly 0."""
    each = (shape[0],) + (1,) * (len(shape) - 1)
    spread = rng.choice((0.0, 0.5, 4.0), size=each)
    weights = np.exp(rng.normal(size=shape) * spread)
    none = (rng.random(shape) < 0.3) & (rng.random(each) < 0.3)
    none[..., :1] = False  # what all terms lack has no logarithm
    return np.where(none, 0.0, np.minimum(weights, _HEADROOM))


def _logits(rng: Rng, draws: Draws, regime: Regime, argument: Argument, shape: Shape) -> Floats:
    """The regime row by row; where one call holds several rows, sometimes on one of them only."""
    if draws.op.kind in ("row", "elementwise"):
        values = regime.fill(rng, draws.format, shape)
        if draws.op.kind == "row" and draws.op.gates is None:
            # Sums of narrow formats are carried in float32.
            wide = max(draws.format.max, _FLOAT32.max) / (_HEADROOM * max(shape[-1], 1))
            return _clipped(values, wide)
        averaged = draws.options.get("label_smoothing") or draws.options.get("target_kind") == "soft"
        if draws.op.kind == "row" and averaged:  # of log-probabilities that are infinite the mean may not be
            return _clipped(values, _reach(draws, 1, shape[-1]))
        return values
    place = argument.axes.index("C") + 1
    moved = (*shape[:place], *shape[place + 1 :], shape[place])
    count = math.prod(moved[:-1])
    values = regime.fill(rng, draws.format, (count, shape[place])).reshape(shape[0], -1, shape[place])
    here = values.shape[1]
    if here > 1 and (regime.specials != "finite" or rng.random() < 0.3):
        others = rng.normal(size=values.shape) * 3
        only = np.arange(here) == rng.integers(here, size=(shape[0], 1))
        values = np.where(only[..., None], values, others)
    values = _clipped(values, _reach(draws, here, shape[place]))
    return np.moveaxis(values.reshape(moved), -1, place)


def _clipped(values: Floats, reach: float) -> Floats:
    """Finite numbers no larger than that."""
    return np.where(np.isfinite(values), np.clip(values, -reach, reach), values)


def _reach(draws: Draws, rows: int, classes: int) -> float:
    """The largest logit in a call of so many rows.

    A sum over the rows may overflow although their mean is a number: that is nobody's fault. Nor is that of
    a sum over the classes, which label smoothing averages as well; but where the format is so narrow that
    this happens to logits below 1 / u (float16), to add up in it is the fault.
    """
    reach = draws.format.max / (8 * rows)
    smoothed = bool(draws.options.get("label_smoothing"))
    return max(reach / max(classes, 1), min(reach, 1 / draws.format.u)) if smoothed else reach


def _sizes(recipe: Recipe) -> dict[str, int]:
    """Lengths of the axes of one example."""
    larger = _LARGER if recipe.rows < _MANY else _LARGER_OF_MANY
    batch, features, outer, inner = _shape(recipe.classes, recipe.shape, larger)
    fit = max(1, _BLOCK_NUMBERS // max(recipe.rows * recipe.classes, 1))
    outer = min(outer, fit)
    return {
        "C": recipe.classes,
        "N": min(batch, fit),
        "D": min(features, fit),
        "outer": outer,
        "inner": min(inner, max(1, fit // outer)),
    }


@functools.lru_cache(maxsize=256)
def _shape(classes: int, number: int, larger: float) -> tuple[int, int, int, int]:
    """Rows of a batch, features, outer and inner positions that a drawn number stands for."""
    rng = np.random.default_rng([classes, number])
    batch = rng.choice(_LARGER_BATCH if rng.random() < larger else _BATCH)
    outer, features, inner = rng.choice(_SIDES), rng.choice(_FEATURES), rng.choice(_SIDES)
    return int(batch), int(features), int(outer), int(inner)


def _within(rng: Rng, values: Array, argument: Argument, draws: Draws) -> Array:
    """Finite values moved into the domain of the argument and the range that the user gave.

    Values outside are folded back by their remainder (at a single end: reflected), so that both ends and the
    inside are reached. Some come close to an end, at distances of every size: there a formula has its poles.
    """
    low, high = argument.domain
    if draws.range is not None and _has_range(draws, argument):
        low, high = max(low, draws.range[0]), min(high, draws.range[1])
    if (low, high) == (-math.inf, math.inf):
        return values
    fmt, ends = draws.format, [end for end in argument.domain if low <= end <= high]
    ends = [end for end in ends if abs(end) <= fmt.max]
    both = math.isfinite(low) and math.isfinite(high)
    low, high = _held(fmt, max(low, -fmt.max), 1), _held(fmt, min(high, fmt.max), -1)
    outside = np.isfinite(values) & ((values < low) | (values > high))
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low
        mirrored = np.where(values < low, 2 * low, 2 * high) - values
        folded = low + np.mod(values, width) if both and 0 < width < math.inf else mirrored
    clipped = np.clip(values, low, high)
    moved = np.where(rng.random(values.shape) < 0.25, clipped, folded)
    inside = np.where(outside, moved, values)
    if ends and argument.kind in ("real", "logits"):
        inside = _near_ends(rng, fmt, inside, ends, (low, high))
    rounded = fmt.widen(fmt.round_array(inside))  # rounding may step outside again
    return np.where(np.isfinite(values), np.clip(rounded, low, high), values)


def _near_ends(rng: Rng, fmt: Format, values: Array, ends: list[float], inside: tuple[float, float]) -> Array:
    """Some of the finite numbers moved to a distance from an end that is uniform on a logarithmic scale, from
    the next (normal) number on."""
    held = fmt.round_array(ends)
    step = np.maximum(fmt.widen(fmt.neighbour(held, 1)) - fmt.widen(held), fmt.tiny)
    which = rng.integers(len(ends), size=values.shape)
    end, least = fmt.widen(held)[which], step[which]
    reach = np.minimum(np.maximum(np.abs(end), 1.0), (inside[1] - inside[0]) / 2)
    size = np.exp2(rng.uniform(np.log2(least), np.maximum(np.log2(reach), np.log2(least))))
    near = np.isfinite(values) & (rng.random(values.shape) < _NEAR_AN_END)
    return np.where(near, np.where(end <= inside[0], end + size, end - size), values)


def _has_range(draws: Draws, argument: Argument) -> bool:
    """Whether the range that the user gave is meant for this argument: logits, or else real numbers."""
    logits = any(a.kind == "logits" for a in draws.op.arguments)
    return argument.kind == ("logits" if logits else "real")


def _held(fmt: Format, bound: float, inward: int) -> float:
    """The number of the format at a bound, or the next one inside it."""
    near = fmt.round_array([bound])
    if (float(fmt.widen(near)[0]) - bound) * inward < 0:
        near = fmt.neighbour(near, inward)
    return float(fmt.widen(near)[0])
