"""Configured targets as tests: one for each target and format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stabcheck.config.file import TargetTable
from stabcheck.config.options import OPTIONS
from stabcheck.errors import StabcheckError, UnstableError
from stabcheck.pytest_plugin.session import SESSION


class ConfiguredTargets(pytest.File):
    """The `[[tool.stabcheck.target]]` tables of a configuration file."""

    def collect(self) -> Iterator[TargetItem]:
        session = self.config.stash[SESSION]
        for table in session.file.targets:
            values = {**session.file.values, **table.values, **session.given}
            for dtype in values.get("dtype", OPTIONS["dtype"].default):
                name = f"{table.name or table.target}[{dtype}]"
                yield TargetItem.from_parent(self, name=name, table=table, dtype=dtype)


class TargetItem(pytest.Item):
    """One configured target in one format."""

    def __init__(self, *, table: TargetTable, dtype: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.table = table
        self.dtype = dtype

    def runtest(self) -> None:
        from dataclasses import replace

        from stabcheck.config.resolve import table_tasks
        from stabcheck.engine.events import Finished
        from stabcheck.engine.run import run
        from stabcheck.explain.annotate import annotated
        from stabcheck.explain.grading import graded

        session = self.config.stash[SESSION]
        tasks = table_tasks(self.table, {**session.given, "dtype": (self.dtype,)}, session.file)
        last = list(run(tasks))[-1]
        assert isinstance(last, Finished)
        if last.report.interrupted:
            raise KeyboardInterrupt
        # Better than expected is no failure here: that is for planted defects of the catalogue.
        report = replace(last.report, meta={**last.report.meta, "planted": "not asked"})
        if not report.judged_cells:
            pytest.skip("n/a: " + "; ".join(sorted({cell.reason for cell in report.cells})))
        session.judge(annotated(report, tasks, check=graded, root=session.file.root))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The table and how to reproduce it, or the message: our traceback helps nobody."""
        if isinstance(excinfo.value, UnstableError | StabcheckError):
            return excinfo.getrepr(style="value")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"stabcheck: {self.name}"
