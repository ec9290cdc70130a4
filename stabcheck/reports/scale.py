"""Where a number stands in a picture: the logit's axis and the error's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stabcheck.formats import Format


@dataclass(frozen=True)
class LogitScale:
    """A sign-log axis in three parts per side, so that the cliffs of exp keep most of the room.

    `knots` are (|x|, share of the half axis) in rising order, log |x| linear in between: what is tiny
    lies near the middle, `0.1` to ten times `log max` takes most of the axis, and the way to the largest
    float is compressed beyond it. `signed` is False where there are no negative numbers.
    """

    knots: tuple[tuple[float, float], ...]
    signed: bool

    @classmethod
    def of(cls, form: Format, values: Sequence[float]) -> LogitScale:
        """The axis that holds these values; a part that none of them reaches is left out."""
        sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
        largest = max(sizes, default=1.0)
        far = 10 * form.log_max
        knots = [(form.eta, 0.0), (0.1, 0.15)]
        if largest <= 1.0:  # probabilities: all of their binades count alike
            knots = [(form.eta, 0.0), (1.0, 1.0)]
        elif largest <= far:
            knots.append((10.0 ** math.ceil(math.log10(largest * 1.0001)), 1.0))
        else:
            knots += [(far, 0.82), (form.max, 1.0)]
        return cls(tuple(knots), any(v < 0 for v in values))

    def place(self, value: float) -> float:
        """Share of the axis, 0 (left) to 1 (right)."""
        half = math.copysign(self._half(abs(value)), value)
        return (1 + half) / 2 if self.signed else max(half, 0.0)

    def _half(self, size: float) -> float:
        (low, start), *rest = self.knots
        if not size > low:
            return 0.0
        for high, end in rest:
            if size <= high:
                share = (math.log(size) - math.log(low)) / (math.log(high) - math.log(low))
                return start + (end - start) * share  # a quotient of floats would overflow
            low, start = high, end
        return 1.0

    def ticks(self) -> list[float]:
        """Zero and powers of ten where the axis has room for them, and its ends."""
        first, last = self.knots[0][0], self.knots[-1][0]
        if last <= 1.0:
            decades = range(0, math.floor(math.log10(first)) - 1, -self._stride())
            sizes = sorted(10.0**k for k in decades if 10.0**k > first)
        else:
            dense = self.knots[-2][0] if len(self.knots) == 4 else last
            sizes = [10.0**k for k in range(-1, 6) if 10.0**k <= dense * 1.0001]
        positive = sizes if last in sizes else [*sizes, last]
        return [*(-s for s in reversed(positive)), 0.0, *positive] if self.signed else [0.0, *positive]

    def _stride(self) -> int:
        decades = -math.log10(self.knots[0][0])
        return max(1, round(decades / 5))


@dataclass(frozen=True)
class ErrorScale:
    """A log axis for ulps and ratios, with a lane below for what is smaller and one above for infinities."""

    low: int  # exponents of ten
    high: int

    @classmethod
    def of(cls, values: Sequence[float]) -> ErrorScale:
        shown = [math.log10(v) for v in values if math.isfinite(v) and v > 0]
        high = max(1, math.ceil(max(shown, default=0.0) + 0.01))
        low = max(-4, min(-1, math.floor(min(shown, default=-1.0))))
        return cls(low, high)

    def place(self, value: float) -> float:
        """Share of the axis, 0 (bottom) to 1 (top); NaN and infinities are on top."""
        if not math.isfinite(value):
            return 1.0
        if value <= 0:
            return 0.0
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return 0.03 + 0.85 * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[int]:
        """Exponents of ten, at most about six of them."""
        stride = max(1, math.ceil((self.high - self.low) / 6))
        return [k for k in range(self.low, self.high + 1) if k % stride == 0]
