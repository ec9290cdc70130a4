"""What a process that calls strangers may use and say, set once at its start."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def limit_memory(allowance: int | None) -> None:
    """So many bytes of data on top of what the process has now (None: no limit), and no core files.

    Address space would be the wrong thing to limit: compilers and drivers of GPUs reserve much more of it
    than they use. Does nothing on a system without such limits.
    """
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if allowance is not None:
            pages = int(Path("/proc/self/statm").read_text().split()[5])
            limit = pages * resource.getpagesize() + allowance
            resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    except (ImportError, OSError, ValueError):
        return


def silence() -> None:
    """Nothing that is written to the standard output or error of this process gets out, not even past
    Python: the report goes there."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
