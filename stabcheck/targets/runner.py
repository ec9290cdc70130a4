"""A target that is ready to be called: blocks of inputs in, answers out, whatever it does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stabcheck.findings import Where
from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.targets.answer import Answer, Fault
from stabcheck.targets.backends import Backend
from stabcheck.targets.calling import CallForm
from stabcheck.targets.guard import Raised, contained, watched
from stabcheck.targets.layouts import Layout, bits, laid_out, same_bits
from stabcheck.targets.results import Reading, dumped, read, read_numbers

Array = npt.NDArray[Any]

#: Rows of a block whose results are watched for being overwritten, when every row is a call.
WATCHED = 2

OVERWRITTEN = "returned a buffer that a later call overwrote"


class Runner(Protocol):
    """What the engine sees, whether the target lives in this process or in one of its own."""

    @property
    def name(self) -> str: ...
    @property
    def location(self) -> Where | None: ...
    @property
    def call_form(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def layouts(self) -> tuple[Layout, ...]: ...
    @property
    def batch(self) -> bool: ...
    @property
    def flushes(self) -> bool: ...

    def __call__(self, inputs: Mapping[str, Array], layout: Layout = "C") -> Answer: ...

    def close(self) -> None: ...


def nothing() -> None:
    """The tick of a runner that nobody watches."""


@dataclass(frozen=True)
class Inapplicable:
    """The target does not do this op in this format; one line says why."""

    reason: str


def output_shape(op: Op, inputs: Mapping[str, Array]) -> tuple[int, ...]:
    """Shape of the block's result: examples first. Elementwise ops keep the (broadcast) shape."""
    arrays = [np.asarray(inputs[argument.name]) for argument in op.arguments]
    if op.kind == "elementwise":
        return np.broadcast_shapes(*(a.shape for a in arrays))
    sizes = {
        axis: size
        for argument, array in zip(op.arguments, arrays, strict=True)
        for axis, size in zip(argument.axes, array.shape[1:], strict=True)
    }
    return (arrays[0].shape[0], *(sizes[axis] for axis in op.output))


@dataclass
class Collected:
    """Results of a block while its portions come in."""

    values: npt.NDArray[np.float64]
    usable: npt.NDArray[np.bool_]
    faults: list[Fault] = field(default_factory=list)
    wider: str = ""
    kept: bool = False

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Collected:
        return cls(np.full(shape, np.nan), np.zeros(shape[0], dtype=np.bool_))

    def take(self, reading: Reading, rows: slice) -> None:
        """What one call said about these rows; a fault of several rows is one of the block (row -1)."""
        if reading.values is None:
            assert reading.fault is not None
            row = rows.start if rows.stop - rows.start == 1 else -1
            self.faults.append(Fault(reading.fault.code, row, reading.fault.text))
            return
        values = reading.values if reading.values.ndim == self.values.ndim else reading.values[None]
        count = rows.stop - rows.start  # a padded batch has more
        if count == len(self.usable):
            self.values = values[:count]  # the whole block at once: no need for another copy
        else:
            self.values[rows] = values[:count]
        self.usable[rows] = True
        self.wider = self.wider or reading.wider
        self.kept = self.kept or reading.kept


@dataclass
class LocalRunner:
    """A target in this process, called in one form with arrays of one backend. `tick` is called
    before each call.

    The only state it keeps is the last result, to see whether a later call overwrites it.
    """

    function: Callable[..., Any]
    op: Op
    format: Format
    form: CallForm
    backend: Backend
    tick: Callable[[], None] = nothing
    name: str = ""
    location: Where | None = None
    call_form: str = ""
    notes: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = ("C",)
    flushes: bool = False
    _last: tuple[Any, Array] | None = field(default=None, repr=False)
    _overwritten: bool = field(default=False, repr=False)

    @property
    def batch(self) -> bool:
        """Whether a whole block is one call."""
        return self.form.style == "batch"

    def close(self) -> None:
        """Nothing to give back."""

    @property
    def last_result(self) -> Any:
        """What the last call returned, as it came; None when it raised."""
        return self._last[0] if self._last else None

    def __call__(self, inputs: Mapping[str, Array], layout: Layout = "C") -> Answer:
        """The answers to a block of examples, in this memory layout. Raises nothing of the target's."""
        answer, _ = self.answer(inputs, layout)
        return answer

    def answer(self, inputs: Mapping[str, Array], layout: Layout = "C") -> tuple[Answer, bool]:
        """The answer, and whether axes of length 1 had to be dropped from it."""
        given = {name: laid_out(np.asarray(values), layout) for name, values in inputs.items()}
        found = Collected.empty(output_shape(self.op, inputs))
        with contained() as signals, self.backend.session(self.format, self.function):
            if self.batch and layout != "0-d":
                self._batch(inputs, given, (0, len(found.usable)), found)
            else:
                for row in range(len(found.usable)):
                    self._row(given, row, found)
        found.faults += _mutations(inputs, given)
        if self.flushes:
            found.usable &= ~_with_subnormals(inputs, self.format)
        if self._overwritten:
            found.faults.append(Fault("SC404", -1, OVERWRITTEN))
        answer = Answer(found.values, found.usable, tuple(found.faults), frozenset(signals), found.wider)
        return answer, found.kept

    def invoke(self, loaded: Mapping[str, Any]) -> Any:
        """The target's result for one portion, in arrays of the backend."""
        return self.form.call(self.function, loaded)

    def described(self, function: str) -> str:
        """The call form as one line."""
        return self.form.text(function, self.op)

    # -- portions --------------------------------------------------------------------------------

    def _batch(
        self, inputs: Mapping[str, Array], given: Mapping[str, Array], rows: tuple[int, int], found: Collected
    ) -> None:
        """These rows in one call. Where that raises, halves are tried down to the guilty rows; where no half
        raises, it is they together that the target does not take."""
        start, stop = rows
        called = self.backend.rows_for(stop - start)
        part = {name: _padded(values[start:stop], called) for name, values in given.items()}
        result = self._call(self._placed(part))
        if not isinstance(result, Raised):
            array = dumped(result, self.backend)
            reading = read(self._unplaced(array), (called, *found.values.shape[1:]), self.format)
            self._remember(result, array, reading)
            found.take(reading, slice(start, stop))
        elif stop - start <= 1:
            found.faults.append(Fault("SC401", start, result.text))
        else:
            for name, values in given.items():  # what the failing call may have written
                if values.flags.writeable:
                    values[start:stop] = inputs[name][start:stop]
            middle, before = (start + stop) // 2, len(found.faults)
            self._batch(inputs, given, (start, middle), found)
            self._batch(inputs, given, (middle, stop), found)
            if not any(fault.code == "SC401" for fault in found.faults[before:]):
                together = f"{result.text} (on {called} rows together; not on each half)"
                found.faults.append(Fault("SC401", -1, together))

    def _row(self, given: Mapping[str, Array], row: int, found: Collected) -> None:
        """One example without its first axis, in one call or (style "elements") number by number."""
        part = {name: values[row] for name, values in given.items()}
        shape = found.values.shape[1:]
        arrays: list[Array | Raised] = []
        single = self.form.style == "rows"
        for portion in (part,) if single else _numbers(part, shape):
            result = self._call(portion)
            if isinstance(result, Raised):
                found.faults.append(Fault("SC401", row, result.text))
                return
            if type(result) is self.format.dtype.type and single and not shape and row >= WATCHED:
                # A scalar of the format: there is nothing to read and no buffer to watch.
                found.values[row], found.usable[row] = float(result), True
                return
            arrays.append(dumped(result, self.backend))
        reading = read(arrays[0], shape, self.format) if single else read_numbers(arrays, shape, self.format)
        if row < WATCHED:
            self._remember(result, arrays[-1], reading)
        found.take(reading, slice(row, row + 1))

    def _call(self, arrays: Mapping[str, Array]) -> Any:
        self.tick()
        return watched(self._load_and_call, arrays)

    def _load_and_call(self, arrays: Mapping[str, Array]) -> Any:
        loaded = {name: self.backend.load(values) for name, values in arrays.items()}
        try:
            return self.invoke(loaded)
        finally:
            if self.backend.copies:
                for name, values in arrays.items():
                    self.backend.write_back(loaded[name], values)

    # -- where the classes lie -------------------------------------------------------------------

    def _placed(self, part: Mapping[str, Array]) -> dict[str, Array]:
        """The classes moved from the last axis to where the target was told to look for them."""
        if self.form.axis == -1:
            return dict(part)
        classes = self.op.arguments[0].axes[-1:]
        return {
            argument.name: self._moved(part[argument.name])
            if argument.axes[-1:] == classes
            else part[argument.name]
            for argument in self.op.arguments
        }

    def _missing(self, ndim: int) -> int:
        """Axes of length 1 needed behind the first so that the wanted axis exists."""
        return max(0, max(self.form.axis + 1, -self.form.axis) - ndim)

    def _moved(self, values: Array) -> Array:
        more = (1,) * self._missing(values.ndim)
        return np.moveaxis(values.reshape((values.shape[0], *more, *values.shape[1:])), -1, self.form.axis)

    def _unplaced(self, array: Array | Raised) -> Array | Raised:
        """Undo `_placed` for results that have a class axis."""
        if self.form.axis == -1 or isinstance(array, Raised) or not self.op.output:
            return array
        more = self._missing(self.op.rank + 1)
        if array.ndim != self.op.rank + 1 + more:
            return array
        array = np.moveaxis(array, self.form.axis, -1)
        return array.reshape((array.shape[0], *array.shape[1 + more :])) if more else array

    # -- buffers that are used again ---------------------------------------------------------------

    def _remember(self, result: Any, array: Array | Raised, reading: Reading) -> None:
        """The last result must still be what it was when it came; now this one is the last."""
        if self._last is not None and not self._overwritten:
            last, copy = self._last
            now = dumped(last, self.backend)
            self._overwritten = not isinstance(now, Raised) and not same_bits(now, copy)
        # Only what was an answer: anything else may have any size.
        answer = reading.values is not None and not isinstance(array, Raised)
        self._last = (result, array.copy()) if answer and not isinstance(array, Raised) else None


def _padded(values: Array, rows: int) -> Array:
    """As many rows as asked, by copies of the last one; the array itself when it has them."""
    missing = rows - len(values)
    return values if missing == 0 else np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def _numbers(part: Mapping[str, Array], shape: tuple[int, ...]) -> Iterator[dict[str, Array]]:
    """Every number of an example by itself, as 0-d views."""
    wide = {name: np.broadcast_to(values, shape) for name, values in part.items()}
    for index in np.ndindex(shape):
        yield {name: values[(*index, ...)] for name, values in wide.items()}


def _with_subnormals(inputs: Mapping[str, Array], format: Format) -> npt.NDArray[np.bool_]:
    """Examples with a subnormal number in them: a library that flushes reads it as zero, and what it then
    answers is right for other inputs than ours."""
    found: Any = np.False_
    for values in inputs.values():
        if np.asarray(values).dtype.kind not in "iu":
            size = np.abs(Format.widen(values))
            found = found | ((size > 0) & (size < format.tiny)).any(axis=tuple(range(1, size.ndim)))
    return np.asarray(found)


def _mutations(inputs: Mapping[str, Array], given: Mapping[str, Array]) -> list[Fault]:
    """SC404 for every example whose input is no longer what was handed over."""
    faults = []
    for name, values in given.items():
        original = np.asarray(inputs[name])
        changed = bits(values) != bits(original)
        if changed.any():
            rows = changed.reshape(len(changed), math.prod(changed.shape[1:])).any(axis=1)
            faults += [
                Fault("SC404", int(row), f"writes to its input {name}") for row in np.flatnonzero(rows)
            ]
    return faults
