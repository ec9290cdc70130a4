"""Trying out, on benign inputs, in which form and with which arrays a target answers best."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Floats, Format
from stabcheck.ops.op import Op
from stabcheck.targets.answer import Answer
from stabcheck.targets.backends import Backend, framework_of
from stabcheck.targets.backends.choose import by_trying, make
from stabcheck.targets.benign import benign_inputs
from stabcheck.targets.calling import CallForm, Style, styled
from stabcheck.targets.find import Found
from stabcheck.targets.guard import Raised, attempt
from stabcheck.targets.layouts import Layout
from stabcheck.targets.naming import short_name
from stabcheck.targets.runner import Inapplicable, LocalRunner

Array = npt.NDArray[Any]

#: How far from the truth a benign answer may be and still show that the call was meant this way: a few
#: roundings of bfloat16. Other readings of the arguments are further off; precision is judged later.
CLOSE = 2.0**-5

#: The rank of a call whose benign answer is right.
RIGHT = 4

#: What a function says to NumPy's arrays that was made for others: there is no such method, it does not take
#: this (dim, keepdim), its size is no function; or what they should be. Any other error is the function's
#: own, for which no library is imported.
_MISSED = re.compile(
    r"AttributeError: .*numpy\."
    r"|TypeError: .*(keyword argument|'int' object is not callable|numpy\.|[Tt]ensor|jax)"
)


@dataclass(frozen=True)
class Trial:
    """One way of calling, tried on the benign block. `rank`: `RIGHT`, 3 numbers of the right shape,
    2 something else, 1 numbers in a doubtful form, 0 raised."""

    runner: LocalRunner
    answer: Answer
    rank: int
    kept: bool

    @property
    def reason(self) -> str:
        return self.answer.faults[0].text if self.answer.faults else ""


@dataclass(frozen=True)
class Probe:
    """What is tried: every form in every style, on `inputs` whose result should be `truth`.

    `runner` makes the runner of a form with a backend. `promised` says that the target claims to take
    batches (it has an axis; a batch of which every row sums to one says the same): then wrong answers to a
    batch are its own fault, and only where it raises are rows tried.
    """

    forms: tuple[CallForm, ...]
    styles: tuple[Style, ...]
    inputs: Mapping[str, Array]
    truth: Floats
    runner: Callable[[CallForm, Backend], LocalRunner]
    promised: bool = False

    def best(self, backend: Backend) -> Trial:
        """The first trial of the highest rank; but of forms that are wrong alike, rows win over a batch
        that does not even agree with them."""
        seen = list(self._trials(backend))
        best = max(seen, key=lambda trial: trial.rank)
        if best.rank == 3 and best.runner.batch:
            by_rows = styled(best.runner.form, "rows")
            for other in seen:
                if other.rank == 3 and other.runner.form == by_rows and not _agree(best.answer, other.answer):
                    return other
        return best

    def _trials(self, backend: Backend) -> Iterator[Trial]:
        """Style by style, form by form; the first right one ends the search."""
        answered, promised = False, self.promised
        for style in self.styles:
            if promised and answered:
                return
            for form in self.forms:
                if style != "batch" and form.axis != -1:
                    continue  # a row has no other axis
                runner = self.runner(styled(form, style), backend)
                answer, kept = runner.answer(self.inputs)
                rank = _rank(answer, self.truth)
                if form.doubtful and rank < RIGHT:
                    rank = int(rank == 3)
                yield Trial(runner, answer, rank, kept)
                if rank == RIGHT:
                    return
                answered = answered or rank > 1
                promised = promised or (rank == 3 and runner.batch and _row_by_row(answer, runner.op))


def _row_by_row(answer: Answer, op: Op) -> bool:
    """Whether every row of a batch sums to one: who does that has thought of batches, and what else is wrong
    with them counts (a maximum over the wrong axis)."""
    with np.errstate(all="ignore"):
        return op.sums_to_one and bool((np.abs(answer.values.sum(axis=-1) - 1) <= CLOSE).all())


def _agree(a: Answer, b: Answer) -> bool:
    return np.allclose(a.values, b.values, rtol=CLOSE, atol=CLOSE, equal_nan=True)


def _rank(answer: Answer, truth: Floats) -> int:
    raised = any(fault.code == "SC401" for fault in answer.faults)
    if answer.usable.all() and not raised:  # rows that only halves of the batch answered are no batch
        if answer.values.shape != truth.shape:
            return 3
        scale = np.maximum(np.abs(truth), 1.0)
        with np.errstate(invalid="ignore"):
            return RIGHT if bool((np.abs(answer.values - truth) <= CLOSE * scale).all()) else 3
    return 0 if all(fault.code == "SC401" for fault in answer.faults) else 2


def settled(
    found: Found, probe: Probe, backends: list[Backend], format: Format, guess: bool, device: str | None
) -> LocalRunner | Inapplicable:
    """The best runner over all backends, or why there is none. With `guess`, frameworks that show up
    only while trying are tried too."""
    usable = [backend for backend in backends if backend.loads(format)]
    if not usable:
        return Inapplicable(f"{format.name} does not exist in {backends[0].name} here")
    if lost := _lost(usable[0], format):
        return Inapplicable(lost)
    trials: list[Trial] = []
    for backend in usable:
        if _lost(backend, format):
            continue
        trials.append(probe.best(backend))
        if trials[-1].rank == RIGHT:
            break
    best = max(trials, key=lambda trial: trial.rank)
    tried = {trial.runner.backend.name for trial in trials}
    for other in _more(best, device) if guess else ():
        if other.name not in tried and other.loads(format) and not _lost(other, format):
            trial = probe.best(other)
            # Among equals, arrays of its own kind are what the target wants.
            best = trial if trial.rank >= max(best.rank, 1) else best
            if best.rank == RIGHT:
                break
    return Inapplicable(_hint(best.reason)) if best.rank == 0 else _finished(best, found, probe.inputs)


def _lost(backend: Backend, format: Format) -> str:
    """Why no array comes back from the device asked for: it does not exist, or it holds no numbers (meta of
    PyTorch); "" where one does."""
    if backend.device is None:
        return ""

    def there_and_back() -> None:
        with backend.session(format):
            backend.dump(backend.load(format.round_array([1.0])))

    trip = attempt(there_and_back)
    lost = f"no array comes back from device {backend.device!r}"
    return f"{lost}: {trip.text}" if isinstance(trip, Raised) else ""


def _more(trial: Trial, device: str | None) -> list[Backend]:
    """Backends to try after all: the one whose array came back; or, where the target raised on NumPy
    arrays, those whose arrays may have the methods it missed."""
    if trial.rank == 0:
        return by_trying(trial.runner.function, device) if _MISSED.match(trial.reason) else []
    own = attempt(framework_of, trial.runner.last_result)
    return [make(own, device)] if own and not isinstance(own, Raised) else []


def _hint(reason: str) -> str:
    if reason.startswith("AttributeError") and "numpy.ndarray" in reason:
        return f"{reason} (where it works on tensors, their library must be here: torch or jax)"
    missing = reason.startswith("TypeError") and "missing" in reason and "argument" in reason
    return f"{reason} (the target's own arguments are given with kwargs)" if missing else reason


def _finished(best: Trial, found: Found, inputs: Mapping[str, Array]) -> LocalRunner:
    """The runner with its name, call form, layouts and notes."""
    runner = best.runner
    # Other numbers of the same shape: a buffer that is used again shows itself.
    runner(benign_inputs(runner.op, runner.format, start=31))
    notes = list(runner.backend.notes(runner.format))
    if best.kept:
        notes.append("an axis of length 1 in its result is dropped")
    if runner.form.style != "batch" and runner.op.kind in ("row", "elementwise"):
        notes.append(f"not right on batches: called {runner.form.portion(runner.op)}")
    return replace(
        runner,
        name=found.name,
        location=found.location,
        call_form=runner.described(short_name(found.function)) + _padding(runner),
        notes=tuple(notes),
        layouts=tuple(layout for layout in _layouts(runner) if _works(runner, inputs, layout)),
        flushes=runner.backend.flushes(runner.format),
    )


def _padding(runner: LocalRunner) -> str:
    fewest = runner.backend.rows_for(1)
    return f", padded to {fewest} rows or more" if runner.batch and fewest > 1 else ""


def _layouts(runner: LocalRunner) -> Iterator[Layout]:
    """The layouts worth trying: a number by itself is an input of elementwise ops only, and news only to a
    target that takes whole blocks."""
    for layout in runner.backend.layouts:
        if layout != "0-d" or (runner.op.kind == "elementwise" and runner.batch):
            yield layout


def _works(runner: LocalRunner, inputs: Mapping[str, Array], layout: Layout) -> bool:
    if layout == "C":
        return True
    blocks = [inputs]
    if layout == "broadcast":  # only what repeats is stored once: rows that are alike, and equal numbers
        alike = {n: np.repeat(a[:1], len(a), axis=0) for n, a in inputs.items()}
        blocks += [alike, {n: np.full_like(a, a.flat[0]) for n, a in inputs.items()}]
    faults = [fault for block in blocks for fault in runner(block, layout).faults]
    return not any(fault.code in ("SC401", "SC402") for fault in faults)


def styles(op: Op, rows: bool | None) -> tuple[Style, ...]:
    """Portions worth trying; `rows` asks for row by row, or never so."""
    if op.kind in ("reducing", "layer"):
        return ("rows",)
    if rows is False:
        return ("batch",)
    by_example: tuple[Style, ...] = ("rows", "elements") if op.kind == "elementwise" else ("rows",)
    return by_example if rows else ("batch", *by_example)
