"""The server from which worker processes are forked, started early: it imports what they need meanwhile."""

from __future__ import annotations

import multiprocessing
import os

#: What a worker imports.
PRELOAD = ["stabcheck.engine.single", "stabcheck.targets.prepare", "stabcheck.implementations"]


def begin() -> None:
    """Start it and go on without waiting; the pool finds it running. Imports nothing heavy itself."""
    if os.name != "posix":
        return
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    forkserver.ensure_running()
