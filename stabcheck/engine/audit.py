"""The audit: a random sample of what the lower rungs enclosed is enclosed again by the authority."""

from __future__ import annotations

import numpy as np

from stabcheck.engine.trial import check_agreement
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Truth
from stabcheck.strategies.recipes import Block

#: Examples with more elements than this are left to the tests: the authority is slow.
_LARGEST = 64
#: Examples audited per group of cells (of an elementwise op: 1/16 of each).
EXAMPLES = 24


class Auditor:
    """Samples a run's truths; the seed decides which. One contradiction raises OracleError."""

    def __init__(self, oracle: Oracle, seed: int) -> None:
        self._oracle = oracle
        self._rng = np.random.default_rng([seed & (2**63 - 1), 0xA0D17])
        self.audited = 0
        self._left = EXAMPLES

    def sample(self, block: Block, truth: Truth) -> None:
        """Maybe audit one example of this block."""
        if self._left <= 0 or self._rng.random() > 0.5:
            return
        row = self._rng.integers(block.rows, size=1)
        inputs = {name: a[row] for name, a in block.inputs.items()}
        part = truth.take(row)
        if self._oracle.op.kind == "elementwise":
            columns = self._rng.choice(
                part.head.shape[1], size=max(part.head.shape[1] // 16, 1), replace=False
            )
            inputs = {name: a[:, columns] for name, a in inputs.items()}
            part = self._oracle.truth(inputs)
        if max(a.size for a in inputs.values()) > _LARGEST:
            return
        check_agreement(self._oracle, part, self._oracle.authority(inputs), inputs)
        self._left -= 1
        self.audited += part.head.size
