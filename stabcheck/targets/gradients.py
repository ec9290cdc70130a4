"""The gradient that a framework's own autograd makes of a target, as a runner for the gradient op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.targets.backends import Backend, candidates
from stabcheck.targets.backends.choose import by_trying
from stabcheck.targets.benign import benign_inputs
from stabcheck.targets.calling import CallForm, call_forms, signature_of
from stabcheck.targets.find import Found
from stabcheck.targets.prepare import Reference
from stabcheck.targets.probing import Probe, settled, styles
from stabcheck.targets.runner import Inapplicable, LocalRunner, nothing


@dataclass
class GradientRunner(LocalRunner):
    """Answers for the gradient op by differentiating the target, which computes the op `forward`.

    The derivative is that of the first real argument, in the direction of the gradient op's cotangent;
    without one, of the sum of all outputs (rows do not meet, so that each gets its own gradient; where
    the target averages its rows, of the mean times their number, which is the same).
    """

    forward: Op | None = None
    averages: bool = False

    def invoke(self, loaded: Mapping[str, Any]) -> Any:
        assert self.forward is not None
        given = {name: loaded[own] for name, own in _counterparts(self.forward, self.op).items()}
        cotangent = next((a.name for a in self.op.arguments if a.kind == "cotangent"), None)

        def value(point: Any) -> Any:
            result = self.form.call(self.function, {**given, self.variable: point})
            return result * point.shape[0] if self.averages and self.batch else result

        return self.backend.gradient(
            value, given[self.variable], None if cotangent is None else loaded[cotangent]
        )

    @property
    def variable(self) -> str:
        """The argument with respect to which it is differentiated."""
        assert self.forward is not None
        return next(argument.name for argument in self.forward.arguments if not argument.integer)

    def described(self, function: str) -> str:
        return f"gradient by {self.backend.name} in {self.variable} of {self.form.text(function, self.op)}"


def _counterparts(op: Op, gradient_op: Op) -> dict[str, str]:
    """What each argument of the op is called by its gradient op: the same, or else what stands in its
    place and is of its kind (targets of a batch, the target of a row)."""
    names = {argument.name for argument in gradient_op.arguments}
    return {
        a.name: a.name if a.name in names else b.name
        for a, b in zip(op.arguments, gradient_op.arguments, strict=False)
        if a.name in names or a.kind == b.kind
    }


#: Options of an op that leave the gradient of a row as it is.
_OF_NO_CONSEQUENCE = ("reduction", "ignore_index")


def _beyond(op: Op, gradient_op: Op, options: Mapping[str, Any]) -> str:
    """Why the gradient op does not tell the gradient of the op under these options; "" where it does."""
    known = {option.name for option in gradient_op.options}.union(_OF_NO_CONSEQUENCE)
    for option in op.options:
        if option.name not in known and options.get(option.name, option.default) != option.default:
            return f"{gradient_op.name} is not the gradient under {option.name}={options[option.name]}"
    return ""


def prepare_gradient(
    found: Found,
    op: Op,
    gradient_op: Op,
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
    """As `prepare`, for the gradient of a target that computes `op`; `reference` is the truth of
    `gradient_op`. Inapplicable where nothing can differentiate the target."""

    def runner(form: CallForm, arrays: Backend) -> LocalRunner:
        averages = options.get("reduction") == "mean"
        return GradientRunner(
            found.function, gradient_op, format, form, arrays, tick, forward=op, averages=averages
        )

    beyond = _beyond(op, gradient_op, options)
    if beyond:
        return Inapplicable(beyond)
    lacking = [a.name for a in op.arguments if a.name not in _counterparts(op, gradient_op)]
    if lacking:
        return Inapplicable(f"{gradient_op.name} does not take {', '.join(lacking)} of {op.name}")
    backends = [b for b in candidates(found.function, backend, device) if b.differentiates]
    if not backends and backend == "auto":
        backends = by_trying(found.function, device)
    if not backends:
        return Inapplicable(
            "no autograd: the target does not mention torch or jax (where it works on theirs: backend)"
        )
    signature = signature_of(found.function)
    forms = call_forms(op, signature, options, arguments, {**found.kwargs, **(kwargs or {})})
    inputs = benign_inputs(gradient_op, format)
    truth = np.asarray(reference(inputs), dtype=np.float64)
    probe = Probe(tuple(forms), styles(gradient_op, rows), inputs, truth, runner, signature.has_axis)
    return settled(found, probe, backends, format, False, device)
