"""What the two ball contexts share: structure, selection, comparisons.

A subclass brings the arithmetic of midpoints.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.oracle.balls_elements import ElementContext
from stabcheck.oracle.balls_radius import REL_MAX, UP, Floats, plus
from stabcheck.oracle.balls_value import Ball, Condition, Mask


class BallContext(ElementContext):
    """Ball arithmetic on arrays; implements `stabcheck.ops.context.Context`."""

    def take(self, a: Ball, index: npt.NDArray[np.int64]) -> Ball:
        shape = np.broadcast_shapes(a.shape[:-1], index.shape[:-1])
        place = np.broadcast_to(index, (*shape, index.shape[-1]))

        def pick(part: Any) -> Any:
            return np.take_along_axis(np.broadcast_to(part, (*shape, part.shape[-1])), place, axis=-1)

        return self._map(a, pick)

    def transpose(self, a: Ball) -> Ball:
        return self._map(a, lambda part: np.swapaxes(part, -1, -2))

    def matmul(self, a: Ball, b: Ball) -> Ball:
        left = self._map(a, lambda part: part[..., :, :, None])
        right = self._map(b, lambda part: part[..., None, :, :])
        return self._map(self.sum(left * right, axis=-2), lambda part: part[..., 0, :])

    # -- arithmetic --------------------------------------------------------------------------------

    @abstractmethod
    def add(self, a: Any, b: Any) -> Ball: ...

    def subtract(self, a: Any, b: Any) -> Ball:
        return self.add(a, -self.lift(b))

    @abstractmethod
    def multiply(self, a: Any, b: Any) -> Ball: ...

    @abstractmethod
    def divide(self, a: Any, b: Any) -> Ball: ...

    def power(self, a: Ball, power: int) -> Ball:
        """a^power by repeated squaring."""
        if power < 0:
            return self.divide(1, self.power(a, -power))
        result, square = self.value(1), a
        while power:
            if power & 1:
                result = result * square
            power >>= 1
            if power:
                square = square * square
        return result if result.shape == a.shape else self._map(result, lambda p: np.broadcast_to(p, a.shape))

    # -- comparisons and selection -----------------------------------------------------------------

    def less(self, a: Any, b: Any) -> Mask | Condition:
        """a < b: a mask where that is decided everywhere, else a `Condition`."""
        return self._compare(a, b, np.less)

    def less_equal(self, a: Any, b: Any) -> Mask | Condition:
        """a <= b likewise."""
        return self._compare(a, b, np.less_equal)

    def _compare(self, a: Any, b: Any, order: np.ufunc) -> Mask | Condition:
        left, right = self.lift(a), self.lift(b)
        if left.plain and right.plain:
            return np.asarray(order(left.hi, right.hi))
        # The sign of the difference: its head decides where it outweighs the radius (rel < 1).
        d = left - right
        decided = (np.abs(d.hi) * (1 - REL_MAX) > np.asarray(d.abs) * UP) | (np.isinf(d.hi))
        decided |= (d.hi == 0) & (np.asarray(d.abs) == 0)
        truth = order(d.hi, 0.0)
        if decided.all():
            return np.asarray(truth)
        return Condition(yes=truth & decided, no=~truth & decided)

    def where(self, condition: Mask | Condition, a: Any, b: Any) -> Ball:
        left, right = self.lift(a), self.lift(b)
        if not isinstance(condition, Condition):
            return self._select(np.asarray(condition), left, right)
        decided = self._select(condition.yes, left, right)
        open_ = ~(condition.yes | condition.no)
        return self._select(open_, self._hull(left, right), decided)

    def _hull(self, a: Ball, b: Ball) -> Ball:
        """Balls around the midpoints of a and b that hold both: unknown where either is special."""
        # Both (a + b) / 2 and |a - b| / 2 carry (rad a + rad b) / 2, together enough for either ball.
        return (a + b) * 0.5 + self.symmetric(self.abs(a - b) * 0.5)

    def symmetric(self, width: Ball) -> Ball:
        """The balls [-w, w], w an upper bound of |width|; unknown where that is infinite."""
        radius = plus(np.abs(width.hi) * UP, width.radius())
        return replace(width, hi=np.zeros(width.shape), lo=None, rel=0.0, abs=radius)

    def maximum(self, a: Any, b: Any) -> Ball:
        left, right = self.lift(a), self.lift(b)
        if left.plain and right.plain:
            return Ball(self, np.maximum(left.hi, right.hi), finite=left.finite and right.finite)
        return self.where(self.less(left, right), right, left)

    def minimum(self, a: Any, b: Any) -> Ball:
        return -self.maximum(-self.lift(a), -self.lift(b))

    def xlogy(self, a: Any, b: Any) -> Ball:
        left = self.lift(a)
        zero = (left.hi == 0) & (np.asarray(left.abs) == 0)
        product = left * self.log(b)
        return self._select(zero, self.value(0), product) if zero.any() else product

    # -- functions and reductions ------------------------------------------------------------------

    @abstractmethod
    def log(self, a: Any) -> Ball: ...

    @abstractmethod
    def abs(self, a: Any) -> Ball: ...

    @abstractmethod
    def sum(self, a: Any, axis: int = -1) -> Ball: ...

    def pivot(self, a: Ball) -> Mask:
        """True at one largest head of each row."""
        head = self.comparable(a)
        mask = head == np.maximum.reduce(head, axis=-1, keepdims=True)
        if np.count_nonzero(mask) == mask.size // max(mask.shape[-1], 1):
            return np.asarray(mask)
        mask = np.zeros_like(head, dtype=bool)
        np.put_along_axis(mask, np.argmax(head, axis=-1, keepdims=True), True, axis=-1)
        return mask

    @abstractmethod
    def comparable(self, a: Ball) -> Floats:
        """Float64 numbers in the order of the midpoints along the last axis, nearly."""
