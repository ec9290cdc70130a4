"""The regimes as ordinary Hypothesis strategies, for a user's own @given.

Short arrays are drawn number by number, so that they shrink to what one would write by hand (`[89]`); longer
ones are expanded from a recipe by NumPy, which costs the same whatever the length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from stabcheck import formats
from stabcheck.errors import UsageError
from stabcheck.formats import Format
from stabcheck.ops.context import Number
from stabcheck.strategies import simplex
from stabcheck.strategies.regimes import LENGTHS, REGIMES, Regime, get

Array = npt.NDArray[Any]
Shape = int | tuple[int, ...] | None

#: Arrays of up to this many numbers are drawn number by number.
_BY_NUMBER = 8


def logits(
    dtype: Any = "float32",
    *,
    shape: Shape | st.SearchStrategy[Any] = None,
    regime: str | Sequence[str] | None = None,
    specials: Literal["finite", "masked", "extended"] = "finite",
    range: tuple[float, float] | None = None,
    max_classes: int = 64,
) -> st.SearchStrategy[Array]:
    """Arrays of logits that live where softmax and its kin break.

    dtype: a format ("float16", numpy.float32, ...). shape: an int, a tuple, a strategy for either, or None
    for vectors of 1 to `max_classes`. regime: one or several names (`stabcheck list regimes`), default all.
    specials: "finite", "masked" (also -inf beside finite numbers, and NaN) or "extended" (also +inf, all
    -inf). range: (lo, hi) for finite values.

    Raises UsageError for unknown names.
    """
    fmt = formats.get(dtype)
    chosen = _chosen(regime, specials)
    shapes = _shapes(shape, max_classes)
    bounds = range if range is not None else (-math.inf, math.inf)
    if not bounds[0] < bounds[1]:
        raise UsageError(f"range={range}: the lower end must be below the upper one.")
    return shapes.flatmap(lambda s: _array(fmt, s, chosen, regime is None, bounds))


def probabilities(
    dtype: Any = "float32", *, shape: Shape | st.SearchStrategy[Any] = None, max_classes: int = 64
) -> st.SearchStrategy[Array]:
    """Rows of probabilities (last axis) as a softmax hands them on: rounded, with exact zeros and ones."""
    fmt = formats.get(dtype)
    chosen = [r for r in REGIMES.values() if r.specials == "finite" and r.serves == "logits"]

    def of_shape(s: tuple[int, ...]) -> st.SearchStrategy[Array]:
        return st.builds(
            lambda r, seed: fmt.round_array(_softmax_regime(r, fmt, s, seed)),
            st.sampled_from(chosen),
            _seeds(),
        )

    return _shapes(shape, max_classes).flatmap(of_shape)


def labels(
    classes: int, *, shape: Shape | st.SearchStrategy[Any] = 1, ignore_index: int | None = None
) -> st.SearchStrategy[npt.NDArray[np.int64]]:
    """Class indices 0 .. classes - 1 (and `ignore_index`, where one is given), dtype int64."""
    if classes < 1:
        raise UsageError(f"classes={classes}: at least 1 class is needed.")
    one: st.SearchStrategy[int] = st.integers(0, classes - 1)
    if ignore_index is not None:
        one = st.one_of(one, st.just(ignore_index))
    return _shapes(shape, 1).flatmap(
        lambda s: st.lists(one, min_size=math.prod(s), max_size=math.prod(s)).map(
            lambda values: np.array(values, dtype=np.int64).reshape(s)
        )
    )


# -- shapes and choices --------------------------------------------------------------------------------


def _shapes(shape: Shape | st.SearchStrategy[Any], max_classes: int) -> st.SearchStrategy[tuple[int, ...]]:
    if shape is None:
        lengths = sorted(n for n in {*LENGTHS, max_classes} if n <= max_classes)
        short = st.integers(1, min(_BY_NUMBER, max_classes))
        return st.one_of(short, st.sampled_from(lengths or [1])).map(lambda n: (n,))
    given = shape if isinstance(shape, st.SearchStrategy) else st.just(shape)
    return given.map(lambda s: (s,) if isinstance(s, int) else tuple(s))


def _chosen(regime: str | Sequence[str] | None, specials: str) -> list[Regime]:
    if regime is not None:
        return [get(name) for name in ([regime] if isinstance(regime, str) else regime)]
    levels = ("finite", "masked", "extended")
    if specials not in levels:
        raise UsageError(f"specials={specials!r} is not one of {', '.join(levels)}.")
    wanted = levels[: levels.index(specials) + 1]
    return [r for r in REGIMES.values() if r.specials in wanted and r.serves == "logits"]


def _seeds() -> st.SearchStrategy[int]:
    return st.integers(0, 2**32 - 1)


# -- arrays --------------------------------------------------------------------------------------------


def _array(
    fmt: Format, shape: tuple[int, ...], chosen: list[Regime], mixed: bool, bounds: tuple[float, float]
) -> st.SearchStrategy[Array]:
    fitting = [r for r in chosen if not r.lengths or not shape or shape[-1] in r.lengths] or chosen
    whole = st.builds(
        lambda r, seed: _finished(_filled(r, fmt, shape, seed), fmt, bounds),
        st.sampled_from(fitting),
        _seeds(),
    )
    size = math.prod(shape)
    if not mixed or size > _BY_NUMBER:
        return whole
    numbers = st.lists(_number(fmt, chosen), min_size=size, max_size=size)
    return numbers.map(lambda v: _finished(np.array(v, dtype=np.float64).reshape(shape), fmt, bounds))


def _rows(shape: tuple[int, ...]) -> tuple[int, int]:
    """The block that fills this shape: every row (last axis) is an example."""
    return (math.prod(shape[:-1]), shape[-1]) if shape else (1, 1)


def _filled(regime: Regime, fmt: Format, shape: tuple[int, ...], seed: int) -> Array:
    return regime.fill(np.random.default_rng(seed), fmt, _rows(shape)).reshape(shape)


def _softmax_regime(regime: Regime, fmt: Format, shape: tuple[int, ...], seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return simplex.of_regime(rng, fmt, regime, _rows(shape), True).reshape(shape)


def _number(fmt: Format, chosen: list[Regime]) -> st.SearchStrategy[float]:
    """One logit; whole numbers first, so that failures shrink to them. Specials come as often as regimes
    with them are chosen."""
    levels = {r.specials for r in chosen}
    reach = math.ceil(1.2 * max(fmt.log_max, -fmt.log_zero))
    places = [*sorted(fmt.cliffs.values(), key=abs), -fmt.log_max, -fmt.log_tiny]
    cliffs = st.builds(
        lambda c, steps: float(fmt.widen(fmt.neighbour(fmt.round_array(np.array(c)), steps))),
        st.sampled_from(places),
        st.sampled_from((0, 1, -1, 2, -2)),
    )
    ordinals = st.integers(-fmt.max_ordinal, fmt.max_ordinal).map(
        lambda place: float(fmt.widen(fmt.from_ordinal(np.array(place))))
    )
    around = st.floats(-float(reach), float(reach), allow_nan=False)
    # The cliffs twice: an array of a few numbers should stand at one of them more often than not.
    kinds = [st.integers(-reach, reach).map(float), cliffs, around, cliffs, ordinals]
    if "masked" in levels:
        kinds.append(st.sampled_from((-math.inf, math.nan)))
    if "extended" in levels:
        kinds.append(st.sampled_from((math.inf, -math.inf)))
    return st.one_of(kinds)


def _finished(values: Array, fmt: Format, bounds: tuple[Number, Number]) -> Array:
    """Rounded to the format, finite values inside the bounds."""
    low, high = max(float(bounds[0]), -fmt.max), min(float(bounds[1]), fmt.max)
    kept = np.where(np.isfinite(values), np.clip(values, low, high), values)
    return fmt.round_array(kept)
