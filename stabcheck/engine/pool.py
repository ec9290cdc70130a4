"""Groups side by side in worker processes, so that nothing a target does can take the report with it.

Workers are optimistic: targets run in them unguarded but for a limit on memory. When a worker dies, a call
in it takes longer than most, or a group ends in an exception (which a target may be to blame for that damaged
what it shares a process with: NumPy, the oracle, us), that group is run again with every target in a process
of its own, where the guilty call is found and becomes a finding; all others go on, in fresh workers. Only
what goes wrong there too is told as our own failure.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures import process as executors
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from stabcheck import ops
from stabcheck.engine import forks
from stabcheck.engine.events import Event, Progress
from stabcheck.engine.plan import Group, plan
from stabcheck.engine.request import Task
from stabcheck.engine.single import run_group
from stabcheck.targets.backends.choose import compiled, forget_compiled, imported
from stabcheck.targets.find import Found
from stabcheck.targets.guard import seconds_under_way
from stabcheck.targets.isolate import COMPILED_LIMIT
from stabcheck.targets.limits import limit_memory, silence

#: Seconds between two looks at the workers.
_PULSE = 0.1
#: Seconds between two signs of life of a worker.
_BEAT = 0.5
#: Seconds that a call may take in a worker before its group is run again in processes of their own. Not
#: the time limit of a call: there it gets all of that.
_QUICK = 4.0
#: The same where a framework is at work: JAX compiles every operation for every shape.
_FRAMEWORK = 20.0
#: Seconds of silence after which a worker counts as hanging. It is silent while a call takes too long,
#: and when a call in C keeps Python's lock.
_PATIENCE = 2.0

_beats: Any = None  # the queue of a worker process


def worker_count(workers: int | str) -> int:
    """Number of processes for "auto" or a number."""
    if workers == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(int(workers), 1)


def portable(group: Group) -> tuple[Task, ...] | None:
    """The tasks of a group as data that another process can rebuild; None where a target cannot be named."""
    tasks = []
    for cell in group.cells:
        if not cell.found.spec:
            return None
        request = replace(cell.task.request, dtypes=(group.format.name,))
        tasks.append(replace(cell.task, target=cell.found.spec, request=request, name=cell.key[0]))
    return tuple(tasks)


@dataclass(frozen=True)
class _Job:
    """A group as data: its tasks, and the (op, options, format) of its cells, as a task with a gradient
    has cells in two groups."""

    tasks: tuple[Task, ...]
    cells: tuple[str, ...]
    patience: float  # seconds for one call in the worker
    memory: int  # bytes
    deadline: float

    @classmethod
    def of(cls, group: Group, apart: bool = False) -> _Job | None:
        """`apart`: with every target in a process of its own, and so far as may be not even imported in the
        worker."""
        tasks = portable(group)
        if tasks is None:
            return None
        if apart:
            tasks = tuple(_apart(task, cell.found) for task, cell in zip(tasks, group.cells, strict=True))
        slow = any(compiled(cell.found.function) for cell in group.cells)
        patience = COMPILED_LIMIT if slow else _QUICK
        return cls(tasks, group.cells[0].key[1:], patience, group.request.memory_limit, group.deadline)

    def group(self) -> Group:
        group = next(g for g in plan(self.tasks).groups if g.cells[0].key[1:] == self.cells)
        return replace(group, deadline=self.deadline)


def _apart(task: Task, found: Found) -> Task:
    """The task with its target in a process of its own. Ops of the user's come with the target's module."""
    ours = isinstance(task.op, str) and ops.get(task.op).formula.__module__.startswith("stabcheck.ops.")
    request = replace(task.request, isolate=True)
    return replace(task, target=found.apart() if ours else task.target, request=request)


@dataclass(frozen=True)
class _Lost:
    """A group that came to nothing: its worker died or fell silent, or raised this."""

    error: BaseException | None = None


def run_side_by_side(groups: Sequence[Group], workers: int) -> Iterator[Event]:
    """Events of all groups as they come; those of one group in order."""
    jobs = [_Job.of(group) for group in groups]
    todo = {i: job for i, job in enumerate(jobs) if job is not None}
    isolated: set[int] = set()
    given_up: list[_Job] = []
    while todo:
        for index, outcome in _attempt(todo, workers):
            if isinstance(outcome, list):
                yield from outcome
                del todo[index]
            elif not isinstance(outcome, _Lost):
                yield outcome
            elif index not in isolated and (apart := _Job.of(groups[index], apart=True)):
                isolated.add(index)
                todo[index] = apart
            elif outcome.error is not None:  # no target had a hand in this
                raise outcome.error
            else:  # not even so: no worker can be had, or there is no memory for one
                given_up.append(todo.pop(index))
    for lost in given_up:
        yield from run_group(lost.group())
    for group, job in zip(groups, jobs, strict=True):
        if job is None:
            yield from run_group(group)


def _attempt(todo: Mapping[int, _Job], workers: int) -> Iterator[tuple[int, list[Event] | Event | _Lost]]:
    """One pool, until it is through, breaks or cannot be trusted any more: a worker that raised may be
    damaged, and would take the next group too. Yields (index, events), (index, progress) or (index, lost)
    for a group that was under way when its worker died, fell silent or raised."""
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    forks.begin()
    beats = context.Queue()
    memory = max(job.memory for job in todo.values())
    pool = ProcessPoolExecutor(
        max_workers=min(workers, len(todo)), mp_context=context, initializer=_begin, initargs=(beats, memory)
    )
    heard: dict[int, float] = {}
    waiting: dict[Future[list[Event]], int] = {}
    try:
        waiting = {pool.submit(_work, index, job): index for index, job in list(todo.items())}
        while waiting:
            finished, _ = wait(waiting, timeout=_PULSE)
            with contextlib.suppress(queue.Empty):
                while True:
                    index, event = beats.get_nowait()
                    heard[index] = time.monotonic()
                    if event is not None:
                        yield index, event
            for future in finished:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                index = waiting.pop(future)
                if error is not None:
                    yield index, _Lost(error)
                    return
                yield index, future.result()
            now = time.monotonic()
            under_way = set(waiting.values())
            silent = [i for i, at in heard.items() if i in under_way and now - at > _PATIENCE]
            if silent:
                for index in silent:
                    yield index, _Lost()
                return
    except BrokenProcessPool:
        unfinished = set(waiting.values())
        # Where nothing had begun, no pool can be had here.
        for index in (unfinished & heard.keys()) or unfinished:
            yield index, _Lost()
    finally:
        dismiss(pool)


def dismiss(pool: ProcessPoolExecutor) -> None:
    """End a pool and whatever its workers are at."""
    manager: Any = pool._executor_manager_thread
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
    if manager is None:
        return
    manager.join(_PATIENCE)
    # Where that was not enough it ends by itself, and the interpreter waits for it as for any thread. Only
    # the farewell of concurrent.futures must not wake it meanwhile: it could write to a pipe half closed.
    executors._threads_wakeups.pop(manager, None)


def _begin(beats: Any, memory: int) -> None:
    """In a new worker: Ctrl-C is the parent's business, so is all output; memory is bounded."""
    global _beats
    _beats = beats
    forks.leave_ctrl_c_to_the_parent()
    limit_memory(memory)
    silence()


def _work(index: int, job: _Job) -> list[Event]:
    """In a worker: one group. Progress goes home at once, everything else at the end."""
    done = threading.Event()
    threading.Thread(target=_beat, args=(index, job.patience, done), daemon=True).start()
    try:
        events: list[Event] = []
        for event in run_group(job.group()):
            if isinstance(event, Progress):
                _beats.put((index, event))
            else:
                events.append(event)
        return events
    finally:
        forget_compiled()
        done.set()


def _beat(index: int, patience: float, done: threading.Event) -> None:
    """Signs of life, except while a call of a target takes too long."""
    while True:
        if seconds_under_way() < (max(patience, _FRAMEWORK) if imported() else patience):
            _beats.put((index, None))
        if done.wait(_BEAT):
            return
