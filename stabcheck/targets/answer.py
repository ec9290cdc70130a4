"""What a target answered to a block of examples, in the words of the judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Fault:
    """A failure of the SC4 family on one example of the block (row -1: the block as a whole)."""

    code: str
    row: int
    text: str


@dataclass(frozen=True)
class Answer:
    """The results for a block.

    `values` has the block's output shape: values of the cell's format held as float64 (a wider result is
    rounded once). `usable` tells, per example, whether there is an answer to judge; where there is none
    `values` is NaN and a `Fault` says why. `signals` are IEEE exceptions NumPy would have warned about
    ("overflow", "invalid", "divide"); underflow is not reported. `wider` is the dtype of a wider result.
    """

    values: npt.NDArray[np.float64]
    usable: npt.NDArray[np.bool_]
    faults: tuple[Fault, ...] = ()
    signals: frozenset[str] = frozenset()
    wider: str = ""
