"""A target in a process of its own: it may hang, crash or eat memory, and the run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.errors import TargetError, UsageError
from stabcheck.findings import Where
from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.targets.answer import Answer, Fault
from stabcheck.targets.benign import benign_inputs
from stabcheck.targets.find import Found
from stabcheck.targets.layouts import Layout
from stabcheck.targets.prepare import Reference
from stabcheck.targets.process import START_LIMIT, DeathError, Process
from stabcheck.targets.runner import Inapplicable, output_shape
from stabcheck.targets.worker import op_to_data

Array = npt.NDArray[Any]

#: How often a target may die before it is left alone. A timeout costs its whole limit each time.
DEATHS = {"SC406": 3, "SC407": 4}

#: Seconds for one call of a function that torch.compile made: the compiler's time is in it.
COMPILED_LIMIT = 120.0


@dataclass
class IsolatedRunner:
    """Answers of a target in another process; the interface of `LocalRunner`.

    When a call ends in a timeout or a death, the rows of the block are asked one by one, each time in a
    fresh process, so that only the guilty ones get the fault. `exhausted` says why it is no longer
    called, once it has died too often: then rows known to be guilty still get their fault, and all
    others are not usable, without a fault, because nothing is known about them.
    """

    op: Op  # the op it answers for: the gradient op where a gradient is asked
    name: str
    location: Where | None
    request: dict[str, Any] = field(repr=False)
    truth: Array = field(repr=False)
    time_limit: float
    call_form: str = ""
    probed: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = ("C",)
    batch: bool = True
    flushes: bool = False
    exhausted: str = ""
    _process: Process | None = field(default=None, repr=False)
    _deaths: dict[str, int] = field(default_factory=dict, repr=False)
    _guilty: dict[bytes, Fault] = field(default_factory=dict, repr=False)
    _always: DeathError | None = field(default=None, repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the probe noted, and why the target is no longer called, if so."""
        return (*self.probed, *([self.exhausted] if self.exhausted else []))

    def start(self) -> Inapplicable | None:
        """A fresh process with the target imported and probed; DeathError when that kills it."""
        self._process = process = Process()
        try:
            process.send(self.request, {"truth": self.truth}, START_LIMIT)
            header, _ = process.receive(START_LIMIT)
            if header["kind"] == "imported":
                if header["compiled"]:
                    self.time_limit = max(self.time_limit, COMPILED_LIMIT)
                header, _ = process.receive(self.time_limit)
        except DeathError:
            self._process = None
            raise
        if header["kind"] == "ready":
            self.call_form, self.batch = header["call_form"], header["batch"]
            self.probed, self.layouts = tuple(header["notes"]), tuple(header["layouts"])
            self.flushes = header["flushes"]
            return None
        self.close()
        if header["kind"] == "inapplicable":
            return Inapplicable(header["reason"])
        raise (UsageError if header["kind"] == "UsageError" else TargetError)(header["text"])

    def close(self) -> None:
        """End the process; a later call would start another."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def __call__(self, inputs: Mapping[str, Array], layout: Layout = "C") -> Answer:
        """The answers to a block of examples. Raises nothing of the target's."""
        if self._always is None and not self.exhausted:
            try:
                return self._ask(inputs, layout)
            except DeathError as death:
                self._count(death)
                rows = output_shape(self.op, inputs)[0]
                if rows == 1:
                    self._guilty[_key(inputs, 0)] = Fault(death.code, 0, death.text)
        return self._row_by_row(inputs, layout)

    def _ask(self, inputs: Mapping[str, Array], layout: Layout) -> Answer:
        if self._process is None:
            self.start()
        assert self._process is not None
        try:
            contiguous = {name: np.ascontiguousarray(values) for name, values in inputs.items()}
            shaped = {name: a.reshape(np.shape(inputs[name])) for name, a in contiguous.items()}
            self._process.send({"kind": "run", "layout": layout}, shaped, self.time_limit)
            header, arrays = self._process.receive(self.time_limit)
        except DeathError:
            self._process = None
            raise
        try:
            faults = tuple(Fault(code, row, text) for code, row, text in header["faults"])
            signals, wider = frozenset(header["signals"]), header["wider"]
            return Answer(arrays["values"], arrays["usable"], faults, signals, wider)
        except (KeyError, TypeError, ValueError):
            self.close()
            raise DeathError("SC407", "the process wrote to the connection of its guard") from None

    def _count(self, death: DeathError) -> None:
        self._deaths[death.code] = self._deaths.get(death.code, 0) + 1
        if self._deaths[death.code] >= DEATHS[death.code]:
            self.exhausted = f"{death.text}, {self._deaths[death.code]} times: not called again"

    def _row_by_row(self, inputs: Mapping[str, Array], layout: Layout) -> Answer:
        shape = output_shape(self.op, inputs)
        values, usable = np.full(shape, np.nan), np.zeros(shape[0], dtype=np.bool_)
        faults: list[Fault] = []
        signals: set[str] = set()
        wider = ""
        for row in range(shape[0]):
            answer = self._one_row(inputs, row, layout)
            if answer is None:
                continue
            values[row : row + 1], usable[row] = answer.values, answer.usable[0]
            faults += [Fault(fault.code, row, fault.text) for fault in answer.faults]
            signals |= answer.signals
            wider = wider or answer.wider
        return Answer(values, usable, tuple(faults), frozenset(signals), wider)

    def _one_row(self, inputs: Mapping[str, Array], row: int, layout: Layout) -> Answer | None:
        """The answer for one row; None when nothing is known and the target is no longer called."""
        one = {name: np.asarray(array)[row : row + 1] for name, array in inputs.items()}
        key = _key(one, 0)
        fault = self._guilty.get(key)
        if self._always is not None:
            fault = Fault(self._always.code, 0, self._always.text)
        if fault is None and self.exhausted:
            return None
        if fault is None:
            try:
                return self._ask(one, layout)
            except DeathError as death:
                self._count(death)
                fault = self._guilty[key] = Fault(death.code, 0, death.text)
        empty = np.full(output_shape(self.op, one), np.nan)
        return Answer(empty, np.zeros(1, dtype=np.bool_), (fault,))


def _key(inputs: Mapping[str, Array], row: int) -> bytes:
    """A short name for the exact values of one row."""
    digest = hashlib.sha256()
    for name in sorted(inputs):
        values = np.asarray(inputs[name])[row]
        digest.update(f"{name}{values.shape}".encode() + values.tobytes())
    return digest.digest()


def prepare_isolated(
    found: Found,
    op: Op,
    format: Format,
    options: Mapping[str, Any],
    *,
    reference: Reference,
    gradient_op: Op | None = None,
    arguments: tuple[str, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    rows: bool | None = None,
    backend: str = "auto",
    device: str | None = None,
    time_limit: float = 10.0,
    memory_limit: int | None = 4 << 30,
) -> IsolatedRunner | Inapplicable:
    """As `prepare` (or `prepare_gradient`, with a `gradient_op`), in a process of the target's own.

    `time_limit` is in seconds for one call, `memory_limit` in bytes beyond what the imports take. A
    target that dies or hangs already on benign inputs gets a runner that answers so at once.
    TargetError for a target that no other process can import; UsageError for kwargs or options that are
    not plain data.
    """
    if not found.spec:
        raise TargetError(
            f"target {found.name!r} cannot run in a process of its own: nothing can import it there. "
            "Put it in a module, or leave out isolate."
        )
    judged = gradient_op or op
    request = {
        "spec": found.spec,
        "name": found.name,
        "root": str(Path.cwd()),
        "op": op_to_data(op),
        "gradient_op": None if gradient_op is None else op_to_data(gradient_op),
        "format": format.name,
        "options": dict(options),
        "arguments": None if arguments is None else list(arguments),
        "kwargs": dict(kwargs or {}),
        "rows": rows,
        "backend": backend,
        "device": device,
        "memory_limit": memory_limit,
    }
    try:
        json.dumps(request)
    except TypeError as error:
        raise UsageError(
            f"kwargs and options of an isolated target are numbers, texts, lists and tables: {error}. "
            "Leave out isolate, or bind them in the module."
        ) from None
    truth = np.asarray(reference(benign_inputs(judged, format)), dtype=np.float64)
    runner = IsolatedRunner(judged, found.name, found.location, request, truth, time_limit)
    try:
        return runner.start() or runner
    except DeathError as death:
        runner._always = death
        runner.exhausted = f"{death.text} on a benign input: not called again"
        runner.call_form = f"{found.name.rpartition(':')[2]}  (died while it was probed)"
        return runner
