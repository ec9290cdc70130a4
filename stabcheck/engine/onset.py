"""Onset: where along the magnitude axis a finding begins, bisected, to be rounded outward when shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.ops.op import Op

Array = npt.NDArray[Any]
Inputs = dict[str, Array]

#: Magnitudes tried at once: many where a call takes a whole block, few where each is a call.
_POINTS = {True: 256, False: 24}
#: Numbers of an example of which many cost no more than a few.
_SMALL = 16
#: 24^14 is more than there are numbers in float64: the edge is found to the last of them.
_ROUNDS = 14


def onset(
    op: Op,
    fmt: Format,
    inputs: Inputs,
    shows: Callable[[Sequence[Inputs]], Sequence[bool]],
    batch: bool = False,
) -> float | None:
    """The smallest magnitude of the largest logit at which the (scaled) example still shows the code.

    The first argument of kind logits (or real) is scaled as a whole; None where it has no finite number
    but zero, so that there is no magnitude to speak of. With `batch`, many candidates cost no more than
    a few.
    """
    points = _POINTS[batch and sum(a.size for a in inputs.values()) <= _SMALL]
    argument = next((a for a in op.arguments if not a.integer), None)
    if argument is None:
        return None
    x = np.asarray(inputs[argument.name]).astype(np.float64)
    finite = np.where(np.isfinite(x), x, 0.0)
    top = float(np.max(np.abs(finite), initial=0.0))
    if top == 0.0:
        return None

    def scaled(magnitudes: npt.NDArray[np.float64]) -> list[Inputs]:
        with np.errstate(over="ignore", under="ignore"):
            values = np.where(np.isfinite(x), np.multiply.outer(magnitudes, finite / top), x)
        return [{**inputs, argument.name: rounded} for rounded in fmt.round_array(values)]

    # Ordinals of the magnitude: `high` shows, `low` does not (zero is taken not to).
    low, high = 0, int(fmt.ordinal(fmt.round_array(np.array([top])))[0])
    for _ in range(_ROUNDS):
        if high - low <= 1:
            break
        places = sorted({low + (high - low) * i // points for i in range(1, points)} - {low, high})
        shown = shows(scaled(fmt.widen(fmt.from_ordinal(np.array(places)))))
        # The failing stretch that reaches up to `high`: what lies below a gap in it is another story.
        clear = [p for p, s in zip(places, shown, strict=True) if not s]
        low = max(clear, default=low)
        high = min((p for p, s in zip(places, shown, strict=True) if s and p > low), default=high)
    edge = float(fmt.widen(fmt.from_ordinal(np.array([high])))[0])
    return edge if math.isfinite(edge) else None
