"""The process of an isolated target: imports it, probes it, answers for it, one message at a time.

Started by `isolate` with its own session, its standard streams closed and two pipes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stabcheck import formats
from stabcheck.errors import TargetError, UsageError
from stabcheck.ops.op import Argument, Op
from stabcheck.targets import wire
from stabcheck.targets.backends import choose
from stabcheck.targets.backends.choose import compiled
from stabcheck.targets.find import Found, find, find_all
from stabcheck.targets.gradients import prepare_gradient
from stabcheck.targets.guard import describe
from stabcheck.targets.limits import limit_memory
from stabcheck.targets.prepare import prepare
from stabcheck.targets.runner import Inapplicable, LocalRunner

#: Seconds between two signs of life while a block is worked through call by call.
BREATH = 0.05

#: Seconds that importing may take: Python with the target, or a framework.
IMPORT_LIMIT = 120.0


def main(read_fd: int, write_fd: int) -> None:
    """Serve until the pipe closes."""
    _leave_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a KeyboardInterrupt here is the target's own
    for fd in (read_fd, write_fd):
        os.set_inheritable(fd, False)  # what the target starts must not hold the pipe open
    pipe = _Pipe(read_fd, write_fd)
    choose.before_import = pipe.importing
    try:
        _serve(pipe)
    except wire.LostError:
        pass  # the run is over
    except BaseException as error:
        # Not the target's call itself (that is guarded) but what it left behind: no memory, a NumPy
        # whose functions it replaced.
        with contextlib.suppress(BaseException):
            pipe.send({"kind": "failed", "text": describe(error)})
    finally:
        os._exit(0)  # threads that the target left running must not keep the process


@dataclass
class _Pipe:
    read_fd: int
    write_fd: int
    last: float = 0.0

    def receive(self) -> wire.Message:
        return wire.receive(self.read_fd)

    def send(self, header: Mapping[str, Any], **arrays: Any) -> None:
        wire.send(self.write_fd, wire.pack(header, arrays))

    def importing(self) -> None:
        """An import begins, which is no call."""
        self.send({"kind": "tick", "seconds": IMPORT_LIMIT})

    def tick(self) -> None:
        """A call of the target begins."""
        now = time.monotonic()
        if now - self.last > BREATH:
            self.last = now
            self.send({"kind": "tick"})


def _serve(pipe: _Pipe) -> None:
    request, arrays = pipe.receive()
    try:
        if request.get("kind") == "find":
            _found(request)
            pipe.send({"kind": "found"})
            return
        runner = _prepared(request, arrays["truth"], pipe)
    except (UsageError, TargetError) as error:
        pipe.send({"kind": type(error).__name__, "text": str(error)})
        return
    if isinstance(runner, Inapplicable):
        pipe.send({"kind": "inapplicable", "reason": runner.reason})
        return
    pipe.send(
        {
            "kind": "ready",
            "call_form": runner.call_form,
            "notes": list(runner.notes),
            "layouts": list(runner.layouts),
            "batch": runner.batch,
            "flushes": runner.flushes,
        }
    )
    while True:
        request, inputs = pipe.receive()
        answer = runner(inputs, request["layout"])
        pipe.send(
            {
                "kind": "answer",
                "faults": [[fault.code, fault.row, fault.text] for fault in answer.faults],
                "signals": sorted(answer.signals),
                "wider": answer.wider,
            },
            values=answer.values,
            usable=answer.usable,
        )


def _found(request: dict[str, Any]) -> list[Found]:
    spec, root = request["spec"], Path(request["root"])
    if spec.endswith(".py"):
        return find_all(spec, root=root)
    return [find(spec, name=request["name"], root=root)]


def _prepared(request: dict[str, Any], truth: Any, pipe: _Pipe) -> LocalRunner | Inapplicable:
    (found,) = _found(request)
    pipe.send({"kind": "imported", "compiled": compiled(found.function)})
    limit_memory(request["memory_limit"])
    chosen: dict[str, Any] = {
        "reference": lambda _inputs: np.asarray(truth),
        "arguments": None if request["arguments"] is None else tuple(request["arguments"]),
        "kwargs": request["kwargs"],
        "rows": request["rows"],
        "backend": request["backend"],
        "device": request["device"],
        "tick": pipe.tick,
    }
    op, format = data_to_op(request["op"]), formats.get(request["format"])
    if request["gradient_op"] is None:
        return prepare(found, op, format, request["options"], **chosen)
    gradient_op = data_to_op(request["gradient_op"])
    return prepare_gradient(found, op, gradient_op, format, request["options"], **chosen)


def _leave_with_parent() -> None:
    """End when the run that started this process is gone, even in the middle of an endless loop."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# -- an op as plain data: what calling it needs, which its formula is not -------------------------------


def op_to_data(op: Op) -> dict[str, Any]:
    arguments = [[a.name, a.kind, list(a.axes), list(a.domain)] for a in op.arguments]
    return {"name": op.name, "kind": op.kind, "arguments": arguments, "output": list(op.output)}


def data_to_op(data: Mapping[str, Any]) -> Op:
    arguments = tuple(
        Argument(name, kind, tuple(axes), (domain[0], domain[1]))
        for name, kind, axes, domain in data["arguments"]
    )
    return Op(data["name"], data["kind"], arguments, _no_formula, tuple(data["output"]))


def _no_formula(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("the process of a target knows no formulas")


#: What the process runs; the run's own import path comes first, as the target may need it.
COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from stabcheck.targets.worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


def command(read_fd: int, write_fd: int, path: str) -> list[str]:
    """The command line that starts this process; `path` is sys.path as JSON."""
    return [sys.executable, "-c", COMMAND, path, str(read_fd), str(write_fd)]
