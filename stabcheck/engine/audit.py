"""The audit: a random sample of what the lower rungs enclosed is enclosed again by the authority."""

from __future__ import annotations

import numpy as np

from stabcheck.engine.trial import check_agreement
from stabcheck.oracle.ladder import Oracle, by_element
from stabcheck.oracle.truth import Truth
from stabcheck.strategies.block import Block

#: Examples with more elements than this are left to the tests: the authority is slow.
_LARGEST = 64
#: Examples audited per group of cells: one in so many, within limits; of an elementwise op so many elements
#: of so many blocks.
_ONE_IN = 40
_LEAST, _MOST = 10, 24
_ELEMENTS = 48


class Auditor:
    """Samples a run's truths; the seed decides which. One contradiction raises OracleError."""

    def __init__(self, oracle: Oracle, examples: int, seed: int) -> None:
        self._oracle = oracle
        self._rng = np.random.default_rng([seed & (2**63 - 1), 0xA0D17])
        self.audited = 0
        self._left = min(max(examples // _ONE_IN, _LEAST), _MOST)

    def sample(self, block: Block, truth: Truth) -> None:
        """Audit an example of this block, as far as there are any left."""
        if self._left <= 0:
            return
        inputs, count = block.inputs, 1
        if self._oracle.op.kind == "elementwise":
            inputs, truth, count = by_element(inputs), truth.by_element(), _ELEMENTS
        rows = self._rng.integers(len(truth.head), size=count)
        inputs, part = {name: a[rows] for name, a in inputs.items()}, truth.take(rows)
        if max(a.size for a in inputs.values()) > _LARGEST:
            return
        check_agreement(self._oracle, part, self._oracle.authority(inputs), inputs)
        self._left -= 1
        self.audited += part.head.size
