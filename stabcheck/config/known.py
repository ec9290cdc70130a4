"""What is known before a run: the baseline that the settings ask for, and stored inputs to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stabcheck import ops
from stabcheck.config.file import Config
from stabcheck.engine.request import Task
from stabcheck.explain.store import inputs, load_known
from stabcheck.gate.file import DEFAULT_NAME
from stabcheck.gate.gate import Gate


def gate(given: Mapping[str, Any], config: Config) -> Gate | None:
    """The gate, None where no baseline is asked for. UsageError for a baseline that is missing or bad.

    A path in the configuration is relative to its file, one given otherwise to the working directory.
    Updating and pruning ask for a baseline even where no path does: the one at the project's root.
    """
    values = {**config.values, **given}
    updating, pruning = bool(values.get("baseline-update")), bool(values.get("baseline-prune"))
    if "baseline" in given:
        path = Path(given["baseline"])
    elif "baseline" in values or updating or pruning:
        path = (config.root or Path.cwd()) / values.get("baseline", DEFAULT_NAME)
    else:
        return None
    return Gate.open(path, updating=updating, pruning=pruning)


def replaying(tasks: Sequence[Task], gate: Gate, root: Path) -> tuple[list[Task], frozenset[str]]:
    """The tasks with the stored inputs of known findings as their first examples, and the ids of those.

    Tasks of one op share their inputs, so they all get what is known of any of them. What is known of a
    gradient belongs to the task that asks for it; its inputs serve the op as far as they fit.
    """
    targets = {(task.name, op) for task in tasks for op in _judged(task)}
    entries = [e for e in gate.baseline.entries.values() if (e.target, e.op) in targets]
    stored = load_known([entry.id for entry in entries], root)
    examples = {
        judged: inputs(finding for finding in stored.values() if finding.op in judged)
        for judged in {_judged(task) for task in tasks}
    }
    primed = []
    for task in tasks:
        own = (*task.request.examples, *examples[_judged(task)])
        primed.append(replace(task, request=replace(task.request, examples=own)))
    return primed, frozenset(stored)


def _judged(task: Task) -> tuple[str, ...]:
    """The op of a task, and its gradient where that is asked for too."""
    op = ops.get(task.op)
    return (op.name, op.gradient) if task.request.grad and op.gradient else (op.name,)
