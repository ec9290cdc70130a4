"""Tensors of PyTorch: shared with our arrays where the device allows, no gradients recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import torch

from stabcheck.formats import Format
from stabcheck.targets.backends.base import Array, Backend
from stabcheck.targets.layouts import Layout


class TorchBackend(Backend):
    """`device` is a torch device ("cpu", "cuda:0"); without one, tensors share memory with our arrays."""

    name = "torch"
    differentiates = True
    layouts: tuple[Layout, ...] = ("C", "F", "strided", "broadcast", "0-d")  # tensors are never read-only

    @contextlib.contextmanager
    def session(self, format: Format, function: Any = None) -> Iterator[None]:
        """No gradients, modules in evaluation mode; what a target may set for the whole process is put back:
        random state, default dtype, threads, the hunt for NaN, flushing (of NumPy's numbers too: it is the
        processor's)."""
        seeds, default = torch.random.get_rng_state(), torch.get_default_dtype()
        threads = torch.get_num_threads()
        hunts = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
        flushing = _flushing()
        modes = _modes(function)
        try:
            for module in modes:
                module.training = False
            with torch.no_grad():
                yield
        finally:
            for module, training in modes.items():
                module.training = training
            torch.random.set_rng_state(seeds)
            torch.set_default_dtype(default)
            torch.autograd.set_detect_anomaly(*hunts)
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
            if _flushing() != flushing:
                torch.set_flush_denormal(flushing)

    def load(self, values: Array) -> Any:
        if values.dtype.kind == "V":  # a type NumPy does not know: the bits go over as integers
            bits = torch.from_numpy(values.view(f"i{values.dtype.itemsize}"))
            tensor = bits.view(getattr(torch, values.dtype.name))
        else:
            tensor = torch.from_numpy(values)
        return tensor if self.device is None else tensor.to(self.device)

    def dump(self, result: Any) -> Array:
        if not isinstance(result, torch.Tensor):
            return super().dump(result)
        tensor = result.detach().cpu().resolve_conj().resolve_neg()
        name = str(tensor.dtype).rpartition(".")[2]
        if tensor.dtype == torch.bfloat16 or name.startswith("float8"):
            bits = tensor.view(getattr(torch, f"int{8 * tensor.element_size()}"))
            return np.asarray(bits.numpy().view(_numpy_dtype(name)))
        return np.asarray(tensor.numpy())

    def gradient(self, value: Callable[[Any], Any], point: Any, cotangent: Any) -> Any:
        with torch.enable_grad():
            variable = point.detach().clone().requires_grad_()
            result = value(variable)
            if not isinstance(result, torch.Tensor) or not result.requires_grad:
                raise TypeError("the result does not depend on the input by autograd")
            seed = torch.ones_like(result) if cotangent is None else _fitted(cotangent, result)
            return torch.autograd.grad(result, variable, seed)[0]

    @property
    def copies(self) -> bool:  # type: ignore[override]
        return self.device is not None

    def write_back(self, loaded: Any, values: Array) -> None:
        if values.flags.writeable:
            values[...] = self.dump(loaded)


def _flushing() -> bool:
    """Whether the processor turns subnormals into zero, in this thread."""
    with np.errstate(all="ignore"):
        return bool(np.float32(1e-40) * np.float32(1) == 0)


def _fitted(cotangent: Any, result: Any) -> Any:
    return cotangent.reshape(result.shape).to(result.dtype)


def _modes(function: Any) -> dict[Any, bool]:
    """Every module inside the function, with its mode."""
    return {m: m.training for m in function.modules()} if isinstance(function, torch.nn.Module) else {}


def _numpy_dtype(name: str) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return dtype


BACKEND = TorchBackend
