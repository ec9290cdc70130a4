"""The command line: `stabcheck run`, `list`, `explain`, `init`, `compare`, `report`, `replay`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `stabcheck` command: run it and exit with its code."""
    try:
        from stabcheck.cli.app import invoke

        code = invoke(arguments)
    except KeyboardInterrupt:  # while importing
        code = 130
    sys.exit(code)


__all__ = ["main"]
