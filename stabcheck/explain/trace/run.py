"""One traced call of a target: never a different result, never an exception of the tracer's own."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import asarray  # the original: np.asarray is replaced while a trace runs

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.arrays import TracedArray, lift, plain, wrap
from stabcheck.explain.trace.nodes import Node, Tape
from stabcheck.explain.trace.numbers import floats, objects
from stabcheck.explain.trace.patches import patched
from stabcheck.explain.trace.places import Home
from stabcheck.explain.trace.records import Trace, records, truths
from stabcheck.explain.trace.scalars import TracedFloat
from stabcheck.formats import Format

#: (arguments by name) -> the target's raw result, in whatever form the target wants to be called.
Call = Callable[[Mapping[str, Any]], Any]
#: (shape, nodes) of one array of the result; nodes None where it was not followed.
Output = tuple[tuple[int, ...], tuple[Node, ...] | None]

#: Seconds for the traced call, and for the exact values after it: the last resort behind the counts of
#: `nodes` and `records`, which do not depend on the machine. They are the thread's own processor time, so
#: that a busy machine does not change a verdict.
CALL_SECONDS = 0.9
TRUTH_SECONDS = 0.5
#: JAX compiles every operation when it meets it for the first time.
JAX_CALL_SECONDS = 5.0
#: A function compiled as a whole and its operations one by one may differ by so many ulps.
COMPILED_ULPS = 8


def trace(function: Any, inputs: Mapping[str, Any], fmt: Format, call: Call) -> Trace:
    """Run `call` on copies of the inputs twice, untraced and traced, and tell what happened.

    Floating-point inputs are traced, the others (class indices) are passed on as they are. The result of
    the untraced run decides how: NumPy's arrays by dispatch, PyTorch's by a dispatch mode, JAX's by
    walking the jaxpr. Where both runs raise the same exception `raised` holds it. A result that is not
    bitwise that of the untraced call discards the trace; so does an exception that only the traced call
    raises.
    """
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted, expected_error = _outcome(call, {k: _copy(v) for k, v in inputs.items()})
        framework = _framework(wanted)
        seconds = JAX_CALL_SECONDS if framework == "jax" else CALL_SECONDS
        tape = Tape(fmt, home_of(function), seconds)
        traced = {"torch": _torch, "jax": _jax}.get(framework, _numpy)
        (got, outputs), error = _caught(lambda: traced(tape, function, inputs, call))
    notes = list(tape.notes)
    if expected_error is not None and type(error) is type(expected_error):
        notes.append(f"the target raises {type(error).__name__}")
    elif error is not None or expected_error is not None:
        return Trace(notes=(*notes, f"trace discarded: the traced call ended in {error!r}"))
    elif not same_result(got, wanted):
        if framework != "jax" or not _near(got, wanted, fmt):
            return Trace(notes=(*notes, "trace discarded: the traced call gave another result"))
        notes.append("compiled as a whole the target gives other last digits; traced operation by operation")
    mp = exact.context(fmt)
    ends = [node for _, nodes in outputs if nodes is not None for node in nodes]
    ends += [node for step in tape.steps for node in step.nodes]
    known = truths(mp, ends, time.thread_time() + TRUTH_SECONDS, {})
    listed = records(mp, tape, known, time.thread_time() + TRUTH_SECONDS / 2)
    return Trace(
        records=listed,
        faithful=True,
        notes=tuple(notes),
        seconds=time.monotonic() - started,
        raised=expected_error,
        tape=tape,
        outputs=tuple(outputs),
        truths=known,
    )


# -- the three ways -------------------------------------------------------------------------------


def _numpy(tape: Tape, function: Any, inputs: Mapping[str, Any], call: Call) -> tuple[Any, list[Output]]:
    arguments, _ = _inputs(tape, inputs)
    wrapped = {
        name: wrap(tape, value, objects(tape.inputs[name], np.shape(value))) if name in tape.inputs else value
        for name, value in arguments.items()
    }
    with patched(tape, function):
        got = call(wrapped)
    return plain_result(got), _outputs(tape, got)


def _torch(tape: Tape, function: Any, inputs: Mapping[str, Any], call: Call) -> tuple[Any, list[Output]]:
    from stabcheck.explain.trace import torch_trace

    arguments, nodes = _inputs(tape, inputs)
    got, outputs = torch_trace.traced_call(tape, call, arguments, nodes)
    return got, outputs


def _jax(tape: Tape, function: Any, inputs: Mapping[str, Any], call: Call) -> tuple[Any, list[Output]]:
    from stabcheck.explain.trace import jax_trace

    lines = jax_trace.Lines()
    tape.home = lines
    arguments, nodes = _inputs(tape, inputs)
    return jax_trace.traced_call(tape, lines, call, arguments, nodes)


def _inputs(tape: Tape, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Node]]]:
    """Copies of the inputs, and the nodes of those in the tape's format."""
    arguments = {name: _copy(value) for name, value in inputs.items()}
    nodes: dict[str, list[Node]] = {}
    for name, value in arguments.items():
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype == tape.format.dtype:
            nodes[name] = tape.input(name, floats(value))
            if isinstance(value, np.ndarray):
                tape.buffers.append(value)
    return arguments, nodes


def _framework(result: Any) -> str:
    """ "torch", "jax" or "numpy", by the first array of the result."""
    if isinstance(result, (list, tuple)):
        return next((f for f in map(_framework, result) if f != "numpy"), "numpy")
    home = type(result).__module__.partition(".")[0]
    return {"torch": "torch", "jax": "jax", "jaxlib": "jax"}.get(home, "numpy")


def _outcome(call: Call, arguments: Mapping[str, Any]) -> tuple[Any, BaseException | None]:
    """(result, None) or (None, exception). Anything a target may raise is an outcome, except Ctrl-C."""
    try:
        return call(arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


def _caught(
    traced: Callable[[], tuple[Any, list[Output]]],
) -> tuple[tuple[Any, list[Output]], BaseException | None]:
    result, error = _outcome(lambda _: traced(), {})
    return (result if error is None else (None, [])), error


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def home_of(function: Any) -> Home:
    """Where the target was defined; an empty home for what has no Python source."""
    function = getattr(function, "func", function)  # functools.partial
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = vars(type(function)).get("__call__", function)
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Home(code.co_filename, code) if code is not None else Home()


# -- results --------------------------------------------------------------------------------------


def plain_result(result: Any) -> Any:
    """The raw result without nodes."""
    if isinstance(result, TracedArray) or type(result) in (list, tuple, dict):
        return plain(result)
    return float.__float__(result) if isinstance(result, TracedFloat) else result


def _array(value: Any) -> Any:
    """Any result as a NumPy array, in its own format."""
    if _framework(value) == "torch":
        from stabcheck.targets.backends.torch_arrays import TorchBackend

        return TorchBackend().dump(value)
    return asarray(value)


def same_result(a: Any, b: Any) -> bool:
    """Bitwise the same arrays, dtypes and shapes, containers walked through; any two NaN are alike."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same_result(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_result(a[key], b[key]) for key in a)
    try:
        left, right = _array(a), _array(b)
    except (TypeError, ValueError):
        return type(a) is type(b)
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind == "O":
        return type(a) is type(b)
    if left.tobytes() == right.tobytes():
        return True
    if left.dtype.kind not in "fcV":
        return False
    both = (left == right) & (np.signbit(left.astype(float)) == np.signbit(right.astype(float)))
    return bool(np.all(both | (np.isnan(left) & np.isnan(right))))


def _near(a: Any, b: Any, fmt: Format) -> bool:
    """Equal up to the last digits: at most `COMPILED_ULPS` steps of the format apart."""
    try:
        left, right = (fmt.ordinal(_array(v).astype(fmt.dtype)) for v in (a, b))
    except (TypeError, ValueError):
        return False
    same_shape = np.shape(left) == np.shape(right)
    return same_shape and bool(np.all(np.abs(left - right) <= COMPILED_ULPS))


def _outputs(tape: Tape, result: Any) -> list[Output]:
    """(shape, nodes) of every array in the result."""
    if isinstance(result, dict):
        return [part for value in result.values() for part in _outputs(tape, value)]
    if isinstance(result, (TracedArray, TracedFloat)):
        nodes = lift(tape, result)
        return [] if nodes is None else [(nodes.shape, tuple(nodes.ravel().tolist()))]
    if isinstance(result, (list, tuple)):
        nodes = lift(tape, result) if isinstance(result, list) else None
        if nodes is not None:
            return [(nodes.shape, tuple(nodes.ravel().tolist()))]
        return [part for value in result for part in _outputs(tape, value)]
    return [(np.shape(result), None)]
