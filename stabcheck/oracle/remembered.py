"""An oracle that remembers small truths: implementations of one op shrink from the same examples."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Truth

Array = npt.NDArray[Any]

#: Numbers of a small block, and truths that are kept.
_NUMBERS = 1024
_KEPT = 2048


class RememberingOracle(Oracle):
    """As `Oracle`. Whoever asks gets a truth of their own, which they may sharpen."""

    def truth(self, inputs: Mapping[str, Array]) -> Truth:
        """The truth as the lowest rung knows it."""
        return self._recalled("truth", super().truth, inputs)

    def authority(self, inputs: Mapping[str, Array]) -> Truth:
        """The textbook's formula on intervals."""
        return self._recalled("authority", super().authority, inputs)

    @cached_property
    def _known(self) -> OrderedDict[tuple[object, ...], Truth]:
        return OrderedDict()

    def _recalled(
        self, question: str, asked: Callable[[Mapping[str, Array]], Truth], inputs: Mapping[str, Array]
    ) -> Truth:
        if sum(a.size for a in inputs.values()) > _NUMBERS:
            return asked(inputs)
        key = (question, *by_value(inputs))
        if key not in self._known:
            self._known[key] = asked(inputs)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[key].copy()


def by_value(inputs: Mapping[str, Array]) -> tuple[object, ...]:
    """The same for the same numbers in the same shapes."""
    return tuple(part for a in map(np.asarray, inputs.values()) for part in (a.shape, a.tobytes()))
