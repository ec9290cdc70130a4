"""Arrays of JAX: immutable, without layout, and of 64 bits only where that is switched on."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stabcheck.formats import Format
from stabcheck.targets.backends.base import Array, Backend

#: Batches shorter than this are padded to it.
FEWEST_ROWS = 32


class JaxBackend(Backend):
    """`device` is a platform of JAX ("cpu", "gpu")."""

    name = "jax"
    differentiates = True
    layouts = ("C",)

    @contextlib.contextmanager
    def session(self, format: Format, function: Any = None) -> Iterator[None]:
        """64-bit mode for float64 cells; elsewhere the user's own setting stands. What a target changes in
        JAX's configuration is put back: the next one must not be checked under it."""
        config: Any = jax.config
        before = _settings()
        try:
            with contextlib.ExitStack() as stack:
                if format.bits == 64 and not _wide():
                    stack.enter_context(_enable_x64())
                yield
        finally:
            for name, value in _settings().items():
                if name in before and value != before[name]:
                    config.update(name, before[name])

    def load(self, values: Array) -> Any:
        return jnp.asarray(values, device=None if self.device is None else jax.devices(self.device)[0])

    def rows_for(self, rows: int) -> int:
        """Few different numbers of rows: JAX compiles every operation anew for every shape."""
        return max(FEWEST_ROWS, 1 << (rows - 1).bit_length()) if rows else 0

    def dump(self, result: Any) -> Array:
        """Waits for the computation."""
        return np.asarray(result) if isinstance(result, jax.Array) else super().dump(result)

    def gradient(self, value: Callable[[Any], Any], point: Any, cotangent: Any) -> Any:
        result, pull = jax.vjp(value, point)
        seed = jnp.ones_like(result) if cotangent is None else cotangent.reshape(result.shape)
        return pull(seed.astype(result.dtype))[0]

    def loads(self, format: Format) -> bool:
        with self.session(format):
            return bool(jnp.zeros(1, dtype=format.dtype).dtype == format.dtype)

    def notes(self, format: Format) -> tuple[str, ...]:
        if format.bits == 64 and not _wide():
            return ("jax_enable_x64 is off; it was switched on for float64",)
        return ()


def _settings() -> dict[str, Any]:
    """JAX's global configuration; empty where this version does not tell."""
    return dict(getattr(jax.config, "values", {}))


def _wide() -> bool:
    config: Any = jax.config
    return bool(config.jax_enable_x64)


def _enable_x64() -> contextlib.AbstractContextManager[Any]:
    if hasattr(jax, "enable_x64"):
        context: contextlib.AbstractContextManager[Any] = jax.enable_x64(True)
        return context
    experimental = importlib.import_module("jax.experimental")  # its home before JAX 0.8
    old: contextlib.AbstractContextManager[Any] = experimental.enable_x64()
    return old


BACKEND = JaxBackend
