"""The worst examples so far that are still inside their gates: where the search for worse ones sets out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.judge import Verdict
from stabcheck.ops.op import Op
from stabcheck.oracle.scaled import all_finite
from stabcheck.strategies.block import Block
from stabcheck.strategies.simplex import summing_to_one

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Inputs = dict[str, Array]
#: Blocks out, the errors in ulps of their outputs (finite, 0 where nothing is judged) in.
Search = Generator[Block, Floats, None]

#: Parents kept.
_PARENTS = 16
#: Longest rows that are searched from.
_CLASSES = 64
#: A result that is right to half an ulp makes nobody a parent.
_ROUNDING = 0.5


@dataclass
class Parents:
    """The worst examples of one cell, the worst first; `allowed` says between which numbers each argument may
    lie. An example of an elementwise op is a single element."""

    op: Op
    format: Format
    allowed: Mapping[str, tuple[float, float]]
    found: list[tuple[float, Inputs]] = field(default_factory=list)

    def watch(self, block: Block, verdict: Verdict) -> None:
        """Remember the worst of this block; failures are found already."""
        if not 0 < block.classes <= _CLASSES and not self.elementwise:
            return
        ulps = verdict.ulps
        if verdict.code.any() or not all_finite(ulps):
            ulps = np.where((verdict.code == 0) & np.isfinite(ulps), ulps, 0.0)
        if not ulps.max(initial=0.0) > self._floor:
            return
        if self.elementwise:
            for flat in _largest(ulps.reshape(-1), _PARENTS, self._floor):
                place = np.unravel_index(int(flat), ulps.shape)
                self._keep(float(ulps[place]), {n: np.asarray(a[place]) for n, a in block.inputs.items()})
            return
        worst = ulps.max(axis=tuple(range(1, ulps.ndim)), initial=0.0)
        for row in _largest(worst, _PARENTS // 2, self._floor):
            self._keep(float(worst[row]), block.row(int(row)))

    @property
    def elementwise(self) -> bool:
        return self.op.kind == "elementwise"

    @property
    def inputs(self) -> list[Inputs]:
        """The examples, the worst first."""
        return [inputs for _, inputs in self.found]

    def within(self, name: str, moved: Array, unmoved: Array) -> Array:
        """The numbers that may stand for an argument; in the places of others what was there before. Rows of
        probabilities are distributions again."""
        low, high = self.allowed[name]
        wide = self.format.widen(moved)
        inside = np.where((wide >= low) & (wide <= high), moved, unmoved)
        argument = next(a for a in self.op.arguments if a.name == name)
        if argument.kind != "probabilities" or self.elementwise:
            return inside
        return self.format.round_array(summing_to_one(self.format, self.format.widen(inside)))

    @property
    def _floor(self) -> float:
        """An error no larger than this makes nobody a parent."""
        return self.found[-1][0] if len(self.found) == _PARENTS else _ROUNDING

    def _keep(self, ulps: float, inputs: Inputs) -> None:
        if any(not np.isfinite(a.astype(np.float64)).all() for a in inputs.values()):
            return
        self.found.append((ulps, inputs))
        self.found.sort(key=lambda p: -p[0])
        del self.found[_PARENTS:]


def _largest(values: Floats, count: int, floor: float) -> Array:
    """The places of at most so many of the largest values above the floor, the largest last."""
    places = np.flatnonzero(values > floor)
    return np.asarray(places[np.argsort(values[places], kind="stable")][-count:])
