"""What a search has seen of one cell: counts, the distribution of errors, and evidence per code."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.findings import Cell
from stabcheck.formats import Format
from stabcheck.judge import JUDGED, Verdict
from stabcheck.oracle.truth import Truth
from stabcheck.strategies.block import Block
from stabcheck.targets.layouts import Layout

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Codes from here on (SC202, SC203) break accuracy only.
_ABOVE_STABLE = JUDGED.index("SC202")
#: Points kept of the error-against-input picture, the worst per slice of the logit axis.
PROFILE_SLICES = 64
#: Largest errors kept for the 99th percentile: exact up to a hundred times as many elements.
KEPT = 20_000


@dataclass
class Candidate:
    """One example on which a code showed, before shrinking. `block` is the whole block it came in."""

    inputs: dict[str, Array]
    index: tuple[int, ...]
    ratio: float
    ulps: float
    regime: str
    row: int
    block: Mapping[str, Array]
    text: str = ""
    layout: Layout = "C"

    @property
    def size(self) -> int:
        return sum(a.size for a in self.inputs.values())


@dataclass
class Evidence:
    """Everything seen of one code: how often, where, the smallest and the worst example."""

    examples: int = 0
    regimes: Counter[str] = field(default_factory=Counter)
    smallest: Candidate | None = None
    worst: Candidate | None = None

    def add(self, candidate: Candidate, regimes: Sequence[str]) -> None:
        """`regimes`: those of the examples that showed it, one for each."""
        self.examples += len(regimes)
        self.regimes.update(regimes)
        if self.smallest is None or candidate.size < self.smallest.size:
            self.smallest = candidate
        if self.worst is None or (candidate.ratio, -candidate.size) > (self.worst.ratio, -self.worst.size):
            self.worst = candidate  # of many that are infinitely wrong the shortest


@dataclass
class Tally:
    """Counts of one cell while its search runs."""

    format: Format
    judged: int = 0
    examples: int = 0
    undecided: int = 0
    max_ratio: float = 0.0
    max_ulps: float = 0.0
    histogram: list[int] = field(default_factory=lambda: [0] * (len(Cell.HISTOGRAM_BINS) + 1))
    evidence: dict[str, Evidence] = field(default_factory=dict)
    rungs: Counter[str] = field(default_factory=Counter)
    conventions: dict[str, str] = field(default_factory=dict)
    _profile: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    _profile_ulps: Floats = field(default_factory=lambda: np.full(2 * PROFILE_SLICES + 1, -1.0))
    _largest: Floats = field(default_factory=lambda: np.zeros(0))
    _least: float = -1.0  # errors up to this one need not be kept any more

    def feed(
        self, block: Block, truth: Truth, verdict: Verdict, names: tuple[str, ...], layout: Layout = "C"
    ) -> list[str]:
        """Take in the verdict on a block that was handed over in this layout; returns the codes that showed
        for the first time."""
        decided = verdict.judged & ~verdict.open
        self.examples += block.rows
        self.judged += int(np.count_nonzero(verdict.judged))
        self.undecided += int(np.count_nonzero(verdict.open))
        judged = verdict.judged if truth.rung.ndim > 1 else verdict.judged.reshape(block.rows, -1).sum(axis=1)
        for rung in np.unique(truth.rung):
            self.rungs[names[rung]] += int(judged[truth.rung == rung].sum())
        self._numbers(block, truth, verdict, decided)
        new = []
        for number in np.unique(verdict.code[verdict.code > 0]):
            code = JUDGED[number]
            if code not in self.evidence:
                new.append(code)
            self._gather(code, block, verdict, verdict.code == number, layout)
        return new

    def add(self, code: str, candidate: Candidate, regimes: Sequence[str] = ()) -> bool:
        """Evidence from outside the judge (faults, signals), of one example or one for each of `regimes`;
        True when the code is new."""
        new = code not in self.evidence
        self.evidence.setdefault(code, Evidence()).add(candidate, regimes or [candidate.regime])
        return new

    def _gather(
        self, code: str, block: Block, verdict: Verdict, mask: npt.NDArray[np.bool_], layout: Layout
    ) -> None:
        rows, regimes = np.flatnonzero(verdict.any_per_row(mask)), block.regimes
        ratio = np.where(mask, verdict.ratio, -1.0)
        worst = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
        place = (int(worst[0]), *(int(i) for i in worst[1:]))
        candidate = Candidate(
            block.row(place[0]),
            place[1:],
            float(verdict.ratio[place]),
            float(verdict.ulps[place]),
            regimes[place[0]],
            place[0],
            block.inputs,
            layout=layout,
        )
        self.evidence.setdefault(code, Evidence()).add(candidate, regimes[rows].tolist())

    def _numbers(self, block: Block, truth: Truth, verdict: Verdict, decided: npt.NDArray[np.bool_]) -> None:
        """Largest ratio and ulps and the histogram, over normal results (subnormal ones would drown them)."""
        # Findings above the stable level carry the ratio of the accurate gate, which is another scale.
        counted = decided & (verdict.code < _ABOVE_STABLE)
        ratio = verdict.ratio if counted.all() else verdict.ratio[counted]
        if ratio.size:
            self.max_ratio = max(self.max_ratio, float(ratio.max()))
        normal = decided & (np.abs(truth.rounded) >= self.format.tiny) & np.isfinite(verdict.ulps)
        ulps = verdict.ulps.reshape(-1) if normal.all() else verdict.ulps[normal]
        if not ulps.size:
            return
        top = float(ulps.max())
        self.max_ulps = max(self.max_ulps, top)
        above = [
            ulps.size,
            *(int(np.count_nonzero(ulps > b)) if b < top else 0 for b in Cell.HISTOGRAM_BINS),
            0,
        ]
        for place in range(len(self.histogram)):
            self.histogram[place] += above[place] - above[place + 1]
        if top > self._least:
            self._largest = np.concatenate([self._largest, ulps[ulps > self._least]])
        if self._largest.size > 4 * KEPT:
            self._largest = np.partition(self._largest, -KEPT)[-KEPT:]
            self._least = float(self._largest[0])
        self._picture(block, verdict, normal)

    def _picture(self, block: Block, verdict: Verdict, normal: npt.NDArray[np.bool_]) -> None:
        """The worst point in each slice of the (signed, logarithmic) logit axis."""
        x = np.asarray(next(iter(block.inputs.values()))).astype(np.float64)
        if x.shape != verdict.ulps.shape:  # one result per row: its largest logit stands for the row
            if x.ndim != verdict.ulps.ndim + 1 or x.shape[-1] == 0:
                return
            x = np.take_along_axis(x, np.argmax(np.abs(x), axis=-1)[..., None], axis=-1)[..., 0]
        ulps, ratio = verdict.ulps, verdict.ratio
        ok = normal & np.isfinite(x)
        if not ok.all():
            x, ulps, ratio = x[ok], ulps[ok], ratio[ok]
        if not x.size:
            return
        with np.errstate(over="ignore"):
            axis = np.copysign(np.log1p(np.abs(x)), x) / math.log1p(self.format.max)
        slices = np.rint(axis * PROFILE_SLICES).astype(
            np.int64
        )  # -64 to 64: the negative ones count from the end
        better = np.nonzero(ulps > self._profile_ulps[slices])
        order = np.argsort(ulps[better], kind="stable")
        for s, logit, u, r in zip(
            *(a[better][order].tolist() for a in (slices, x, ulps, ratio)), strict=True
        ):
            if u > self._profile_ulps[s]:
                self._profile_ulps[s] = u
                self._profile[s] = (logit, u, r)

    @property
    def profile(self) -> tuple[tuple[float, float, float], ...]:
        return tuple(self._profile[s] for s in sorted(self._profile))

    @property
    def p99_ulps(self) -> float:
        """99th percentile of the error in ulps (exact while 1 % of the elements fit into what is kept)."""
        total = sum(self.histogram)
        if not total or not self._largest.size:
            return 0.0
        place = min(int(0.01 * total), self._largest.size - 1)
        return float(np.partition(self._largest, -1 - place)[-1 - place])
