"""An enclosure: what every rung of the oracle's ladder hands on. It belongs to no format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: What all elements of an array have in common.
NO_TAIL: Floats = np.asarray(0.0)
NO_EXPONENT: Ints = np.asarray(0)


@dataclass(eq=False)
class Enclosure:
    """Arrays of real intervals: |r - (head + tail) 2^exponent| <= radius 2^exponent.

    head + tail is an unevaluated double-double (|tail| <= ulp(head) / 2), head of ordinary size (most
    contexts normalise it to [1/2, 1) in magnitude, or 0), the exponent an int64 so that e^-10000 is
    a number. Tail and exponent are 0-d arrays where they are alike for all elements.
    Exact infinities have head = +-inf, tail = 0, radius = 0. An infinite radius says "unknown";
    head = NaN with radius = 0 says "proved to have no value" (inf - inf, 0 * inf, log of a negative number).
    `beyond` (None: nowhere) marks reals too large for the exponent: the radius is infinite there, but the
    sign of head and that |r| is beyond every format are proved.
    """

    head: Floats
    tail: Floats
    exponent: Ints
    radius: Floats
    beyond: npt.NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.head.shape

    def __getitem__(self, rows: Ints) -> Enclosure:
        tail = self.tail[rows] if self.tail.ndim else self.tail
        exponent = self.exponent[rows] if self.exponent.ndim else self.exponent
        beyond = None if self.beyond is None else self.beyond[rows]
        return Enclosure(self.head[rows], tail, exponent, self.radius[rows], beyond)
