"""The distribution of errors in ulps: a histogram, the largest, the 99th percentile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stabcheck.findings import Cell

Floats = npt.NDArray[np.float64]

#: Largest errors kept for the 99th percentile: exact up to a hundred times as many elements.
KEPT = 20_000


@dataclass
class Distribution:
    """Errors so far; `histogram` counts by `Cell.HISTOGRAM_BINS`."""

    histogram: list[int] = field(default_factory=lambda: [0] * (len(Cell.HISTOGRAM_BINS) + 1))
    largest: float = 0.0
    _kept: Floats = field(default_factory=lambda: np.zeros(0))
    _least: float = -math.ulp(0.0)  # errors up to this one need not be kept any more

    def feed(self, ulps: Floats) -> None:
        """Take in errors; negative ones do not count."""
        top = float(ulps.max(initial=-1.0))
        if top < 0:
            return
        self.largest = max(self.largest, top)
        above = [
            int(np.count_nonzero(ulps >= 0)),
            *(int(np.count_nonzero(ulps > b)) if b < top else 0 for b in Cell.HISTOGRAM_BINS),
            0,
        ]
        for place in range(len(self.histogram)):
            self.histogram[place] += above[place] - above[place + 1]
        if top > self._least:
            self._kept = np.concatenate([self._kept, ulps[ulps > self._least]])
        if self._kept.size > 4 * KEPT:
            self._kept = np.partition(self._kept, -KEPT)[-KEPT:]
            self._least = float(self._kept[0])

    @property
    def p99(self) -> float:
        """99th percentile (exact while 1 % of the elements fit into what is kept)."""
        total = sum(self.histogram)
        if not total or not self._kept.size:
            return 0.0
        place = min(int(0.01 * total), self._kept.size - 1)
        return float(np.partition(self._kept, -1 - place)[-1 - place])
