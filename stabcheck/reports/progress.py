"""The progress bar on stderr: what is done, the cell at work, logits a second, the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from stabcheck.engine import events
from stabcheck.reports import names

_NAME_WIDTH = 36


class ProgressBar:
    """Consumer of engine events that draws one transient line; it goes away when the run ends."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[cell]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, rate="", cell="")
        self._elements = 0

    def consume(self, event: events.Event) -> None:
        if isinstance(event, events.Started):
            self._progress.update(self._task, total=event.examples)
            self._progress.start()
        elif isinstance(event, events.CellStarted):
            self._show(event.key, "")
        elif isinstance(event, events.Progress):
            self._elements += event.elements
            self._progress.update(self._task, advance=event.examples, rate=self._rate())
            self._show(event.key, "")
        elif isinstance(event, events.Found):
            self._show(event.key, f"found {event.code}")
        elif isinstance(event, events.Shrinking):
            self._show(event.key, f"shrinking {event.code}")
        elif isinstance(event, events.Finished):
            self.stop()

    def stop(self) -> None:
        self._progress.stop()

    def _show(self, key: events.CellKey, doing: str) -> None:
        target, _, _, dtype = key
        name = names.short(target)
        if len(name) > _NAME_WIDTH:
            name = "..." + name[3 - _NAME_WIDTH :]
        self._progress.update(self._task, cell=f"{name} {dtype} {doing}".rstrip())

    def _rate(self) -> str:
        elapsed = self._progress.tasks[0].elapsed
        return f"{_scaled(self._elements / elapsed)} logits/s" if elapsed else ""


def _scaled(rate: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if rate >= limit:
            return f"{rate / limit:.3g} {unit}"
    return f"{rate:.0f}"
