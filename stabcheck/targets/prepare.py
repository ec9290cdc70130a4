"""From a target that was found to a runner that can be called: in NumPy's arrays or its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Floats, Format
from stabcheck.ops.op import Op
from stabcheck.targets.backends import Backend, candidates
from stabcheck.targets.benign import benign_inputs
from stabcheck.targets.calling import CallForm, call_forms, signature_of
from stabcheck.targets.find import Found
from stabcheck.targets.probing import Probe, settled, styles
from stabcheck.targets.runner import Inapplicable, LocalRunner, Runner, nothing

Array = npt.NDArray[Any]

#: The correctly rounded truth of a block of benign inputs, as float64 of shape (B, *output).
Reference = Callable[[dict[str, Array]], Floats]


def prepare(
    found: Found,
    op: Op,
    format: Format,
    options: Mapping[str, Any],
    *,
    reference: Reference,
    arguments: tuple[str, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    rows: bool | None = None,
    backend: str = "auto",
    device: str | None = None,
    tick: Callable[[], None] = nothing,
) -> LocalRunner | Inapplicable:
    """A runner for this target, op, format and options, or the reason why there is none.

    `rows` asks for calls row by row (True) or never so (False); `tick` is called before each call of the
    target. UsageError for arguments or a backend
    that do not exist. A target whose benign answers are wrong in every form still gets a runner: to
    judge it is not the business of a probe.
    """

    def runner(form: CallForm, arrays: Backend) -> LocalRunner:
        return LocalRunner(found.function, op, format, form, arrays, tick)

    signature = signature_of(found.function)
    forms = call_forms(op, signature, options, arguments, {**found.kwargs, **(kwargs or {})})
    inputs = benign_inputs(op, format)
    truth = np.asarray(reference(inputs), dtype=np.float64)
    probe = Probe(tuple(forms), styles(op, rows), inputs, truth, runner, signature.has_axis)
    return settled(
        found, probe, candidates(found.function, backend, device), format, backend == "auto", device
    )


__all__ = ["Inapplicable", "Reference", "Runner", "prepare"]
