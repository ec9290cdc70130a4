"""The command line: `stabcheck run`, `list`, `explain`, `init`, `compare`, `report`, `replay`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stabcheck.cli.stdout import Stdout, fill_closed
from stabcheck.cli.supervise import supervised


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `stabcheck` command: run it and exit with its code."""

    def work() -> int:
        try:
            from stabcheck.cli.app import invoke

            return invoke(arguments, Stdout.taken())
        except KeyboardInterrupt:  # while importing
            return 130

    fill_closed()
    sys.exit(supervised(work))


__all__ = ["main"]
