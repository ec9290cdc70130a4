"""What a formula may use: one arithmetic, many carriers.

The same formula text runs on certified intervals (mpmath), on vectorised balls, on plain mpf numbers, on
float64 arrays (for gates) and on structured Jacobians (for conditioning). A carrier is a *context* k; its
values support + - * / (with broadcasting, with each other and with exact Python numbers: int, float,
Fraction), unary -, integer powers, the comparisons < <= > >= == != and, between those, & | ~.

Axis conventions: the classes of a row are the last axis. Reductions act on the last axis (`axis=-1`; layers
also reduce over -2) and keep it with length 1, so that `x - k.max(x)` broadcasts.

Extended reals: inputs may hold -inf and +inf; every function then takes its limit (exp(-inf) = 0,
log(0) = -inf, x / inf = 0) and what has no limit (inf - inf, 0 * inf, x / 0, log of a negative number) is
"no value": an enclosure of NaN. NaN inputs never reach a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

#: A value of some context; formulas are written once for all of them, so no single type fits.
Value = Any
Number = int | float | Fraction
Mask = npt.NDArray[np.bool_]
#: What a comparison gives, or a NumPy mask; only `where` looks inside (it may be undecided).
Condition = Any
#: A formula: (context, *arguments, **options) -> value.
Formula = Callable[..., Value]


def whole(power: Any) -> int:
    """A power as an integer; TypeError for one that is no whole number."""
    if isinstance(power, int | float) and power == int(power):
        return int(power)
    raise TypeError(f"the power {power!r} is no whole number (write m.sqrt(x), or m.exp(p * m.log(x)))")


class Context(Protocol):
    """One carrier of arithmetic."""

    def array(self, values: npt.NDArray[np.float64]) -> Value:
        """These numbers, exactly. Shape is kept."""

    def value(self, number: Number) -> Value:
        """An exact scalar constant."""

    def shape(self, a: Value) -> tuple[int, ...]: ...

    # elementwise
    def exp(self, a: Value) -> Value: ...
    def log(self, a: Value) -> Value: ...
    def log1p(self, a: Value) -> Value: ...
    def expm1(self, a: Value) -> Value: ...
    def tanh(self, a: Value) -> Value: ...
    def sqrt(self, a: Value) -> Value: ...
    def abs(self, a: Value) -> Value: ...
    def maximum(self, a: Value, b: Value) -> Value: ...
    def minimum(self, a: Value, b: Value) -> Value: ...

    def where(self, condition: Condition, a: Value, b: Value) -> Value:
        """a where the condition holds, b where it does not, the hull of both where it is undecided."""

    def xlogy(self, a: Value, b: Value) -> Value:
        """a log(b), and 0 where a is exactly 0 (whatever b is)."""

    # reductions, axis kept with length 1
    def sum(self, a: Value, axis: int = -1) -> Value: ...
    def max(self, a: Value, axis: int = -1) -> Value: ...

    def take(self, a: Value, index: npt.NDArray[np.int64]) -> Value:
        """a[..., index] along the last axis; `index` has a last axis of length 1 and broadcasts."""

    def matmul(self, a: Value, b: Value) -> Value:
        """Matrix product over the last two axes."""

    def transpose(self, a: Value) -> Value:
        """Swap the last two axes."""

    def pivot(self, a: Value) -> Mask:
        """True at one largest entry of each row (the first of the apparent maxima), False elsewhere.

        For formulas that are algebraically right for *any* choice of the entry, such as
        x_j + log1p(sum of exp(x_i - x_j) over the others): the choice only has to be good, not proved.
        """
