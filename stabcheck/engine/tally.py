"""What a search has seen of one cell: counts, the distribution of errors, and evidence per code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.distribution import Distribution
from stabcheck.engine.profile import Profile
from stabcheck.formats import Format
from stabcheck.judge import JUDGED, Verdict
from stabcheck.oracle.truth import Truth
from stabcheck.strategies.block import Block
from stabcheck.targets.layouts import Layout

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

#: Codes from here on (SC202, SC203) break accuracy only.
_ABOVE_STABLE = JUDGED.index("SC202")


@dataclass
class Candidate:
    """One example on which a code showed, before shrinking. `block` is the whole block it came in; `got` and
    `expected` are those of the guilty element, as far as the judge knows. `whole`: the code showed on the
    block as a whole, for which the example only stands.
    """

    inputs: dict[str, Array]
    index: tuple[int, ...]
    ratio: float
    ulps: float
    regime: str
    row: int
    block: Mapping[str, Array]
    text: str = ""
    layout: Layout = "C"
    got: float | None = None
    expected: float | None = None
    whole: bool = False

    @property
    def size(self) -> int:
        return sum(a.size for a in (self.block if self.whole else self.inputs).values())


@dataclass
class Evidence:
    """Everything seen of one code: how often, where, the smallest and the worst example."""

    examples: int = 0
    regimes: Counter[str] = field(default_factory=Counter)
    smallest: Candidate | None = None
    worst: Candidate | None = None

    def count(self, regimes: Counter[str]) -> None:
        """So many more examples of these regimes showed it."""
        self.examples += regimes.total()
        self.regimes.update(regimes)

    def smaller(self, size: int) -> bool:
        """Whether an example of so many numbers is smaller than all so far."""
        return self.smallest is None or size < self.smallest.size

    def worse(self, ratio: float, size: int) -> bool:
        """Whether it is worse than all so far: of many that are infinitely wrong the shortest is."""
        return self.worst is None or (ratio, -size) > (self.worst.ratio, -self.worst.size)

    def keep(self, candidate: Candidate) -> None:
        """Remember it where it is the smallest or the worst."""
        if self.smaller(candidate.size):
            self.smallest = candidate
        if self.worse(candidate.ratio, candidate.size):
            self.worst = candidate


@dataclass
class Tally:
    """Counts of one cell while its search runs."""

    format: Format
    judged: int = 0
    examples: int = 0
    undecided: int = 0
    max_ratio: float = 0.0
    errors: Distribution = field(default_factory=Distribution)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    rungs: Counter[str] = field(default_factory=Counter)
    conventions: dict[str, str] = field(default_factory=dict)
    profile: Profile = field(init=False)

    def __post_init__(self) -> None:
        self.profile = Profile(self.format)

    def feed(
        self,
        block: Block,
        truth: Truth,
        got: Floats,
        verdict: Verdict,
        names: tuple[str, ...],
        layout: Layout = "C",
    ) -> list[str]:
        """Take in the verdict on what was got for a block that was handed over in this layout; returns the
        codes that showed for the first time."""
        judged = int(np.count_nonzero(verdict.judged))
        self.examples += block.rows
        self.judged += judged
        self.undecided += int(np.count_nonzero(verdict.open))
        self._count_rungs(truth, verdict, judged, names)
        self._numbers(block, truth, verdict)
        if not verdict.code.any():
            return []
        new = []
        for number in np.unique(verdict.code[verdict.code > 0]):
            code = JUDGED[number]
            if code not in self.evidence:
                new.append(code)
            self._gather(code, block, truth, got, verdict, verdict.code == number, layout)
        return new

    def _count_rungs(self, truth: Truth, verdict: Verdict, judged: int, names: tuple[str, ...]) -> None:
        """By which rung the elements were judged."""
        if not truth.rung.any():
            self.rungs[names[0]] += judged
            return
        each = verdict.judged
        if truth.rung.ndim == 1:
            each = each.reshape(len(truth.rung), -1).sum(axis=1)
        for rung in np.unique(truth.rung):
            self.rungs[names[rung]] += int(each[truth.rung == rung].sum())

    def add(self, code: str, candidate: Candidate, regimes: Counter[str] | None = None) -> bool:
        """Evidence from outside the judge (faults, signals), of one example or of so many of each regime;
        True when the code is new."""
        new = code not in self.evidence
        evidence = self.evidence.setdefault(code, Evidence())
        evidence.count(regimes or Counter([candidate.regime]))
        evidence.keep(candidate)
        return new

    def _gather(
        self,
        code: str,
        block: Block,
        truth: Truth,
        got: Floats,
        verdict: Verdict,
        mask: npt.NDArray[np.bool_],
        layout: Layout,
    ) -> None:
        evidence = self.evidence.setdefault(code, Evidence())
        evidence.count(block.by_regime(verdict.any_per_row(mask)))
        ratio = np.where(mask, verdict.ratio, -1.0)
        flat = int(np.argmax(ratio))
        worst = np.unravel_index(flat, ratio.shape)
        place = (int(worst[0]), *(int(i) for i in worst[1:]))
        if not (
            evidence.smaller(block.numbers) or evidence.worse(float(verdict.ratio[place]), block.numbers)
        ):
            return
        candidate = Candidate(
            block.row(place[0]),
            place[1:],
            float(verdict.ratio[place]),
            float(verdict.ulps[place]),
            block.regime(place[0]),
            place[0],
            block.inputs,
            layout=layout,
            got=float(got[place]),
            expected=truth.expected(flat),
        )
        evidence.keep(candidate)

    def _numbers(self, block: Block, truth: Truth, verdict: Verdict) -> None:
        """Largest ratio, and errors in ulps of normal results (subnormal ones would drown them)."""
        ratio, ulps, normal = verdict.ratio, verdict.ulps, truth.normal
        if verdict.code.any() or verdict.open.any() or not verdict.judged.all():
            decided = verdict.judged & ~verdict.open
            # Findings above the stable level carry the ratio of the accurate gate, which is another scale.
            ratio = np.where(decided & (verdict.code < _ABOVE_STABLE), ratio, 0.0)
            normal &= decided & np.isfinite(ulps)
        self.max_ratio = max(self.max_ratio, float(ratio.max(initial=0.0)))
        if not normal.all():
            ulps = np.where(normal, ulps, -1.0)
        self.errors.feed(ulps)
        self.profile.feed(np.asarray(next(iter(block.inputs.values()))), ulps, verdict.ratio)
