"""Rows of measurements as rich tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def show(console: Console, title: str, rows: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Print the rows as they are measured, as one table; returns them."""
    done = list(rows)
    if not done:
        return done
    table = Table(title=title, title_justify="left")
    for name, value in done[0].items():
        table.add_column(name, justify="left" if isinstance(value, str) else "right")
    for row in done:
        table.add_row(*(_text(value) for value in row.values()))
    console.print(table)
    return done


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
