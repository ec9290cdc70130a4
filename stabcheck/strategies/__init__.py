"""INPUTS: regimes of hard numbers, the blocks built from them, and public Hypothesis strategies.

`logits`, `labels` and `probabilities` are ordinary strategies for your own @given; they load Hypothesis and
NumPy on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stabcheck.strategies.public import labels, logits, probabilities

__all__ = ["labels", "logits", "probabilities"]


def __getattr__(name: str) -> Any:
    if name in ("labels", "logits", "probabilities"):
        from stabcheck.strategies import public

        return getattr(public, name)
    raise AttributeError(f"module 'stabcheck.strategies' has no attribute {name!r}")
