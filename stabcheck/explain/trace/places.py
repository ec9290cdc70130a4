"""Which line of the user's code an operation belongs to."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

_PACKAGE = Path(__file__).resolve().parents[2]
_OURS_TO_EXPLAIN = _PACKAGE / "implementations"
_CALLERS = _PACKAGE / "targets"


@dataclass(frozen=True)
class Place:
    """A place in the user's code: `source` is the text of the expression that was computed there."""

    file: str = ""
    line: int = 0
    column: int = 0
    source: str = ""


@cache
def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(str(Path(path).resolve()) for path in paths if path)


@cache
def kind_of_file(filename: str) -> str:
    """ "user", "library", "array" (the array library itself), "machinery" (stabcheck's own) or "caller" (what
    of that calls targets)."""
    if filename.startswith("<"):
        return "library" if filename.startswith("<frozen") or "array_function" in filename else "user"
    path = Path(filename).resolve()
    if path.is_relative_to(_PACKAGE):
        if path.is_relative_to(_OURS_TO_EXPLAIN):
            return "user"
        return "caller" if path.is_relative_to(_CALLERS) else "machinery"
    for root in _libraries():
        if path.is_relative_to(root):
            package, *inside = [part for part in path.relative_to(root).parts if part != "site-packages"]
            if package == "torch" and inside[0].startswith("_"):  # its own wrappers around traced calls
                return "machinery"
            return "array" if package in ("numpy", "ml_dtypes") else "library"
    return "user"


@dataclass(frozen=True)
class Home:
    """Where the target lives: its file, and its code, where a walk outward through the frames ends."""

    file: str = ""
    code: CodeType | None = None

    def place(self, depth: int = 1) -> Place:
        """The innermost frame in the user's files; else in the target's file; else in any library."""
        frame: FrameType | None = sys._getframe(depth)
        best: tuple[int, FrameType] | None = None
        while frame is not None:
            filename = frame.f_code.co_filename
            kind = kind_of_file(filename)
            if kind == "user":
                return place_of(frame)
            rank = 2 if filename == self.file else 1 if kind == "library" else 0
            if rank and (best is None or rank > best[0]):
                best = (rank, frame)
            if frame.f_code is self.code or kind == "caller":  # further out are those who called stabcheck
                break
            frame = frame.f_back
        return place_of(best[1]) if best is not None else Place()


def place_of(frame: FrameType) -> Place:
    """File, line and the text of the very expression that is being computed in this frame."""
    # The file's name by itself: code of equal text is equal, in whatever file it stands.
    return _place(frame.f_code.co_filename, frame.f_code, frame.f_lasti, frame.f_lineno)


@cache
def _place(file: str, code: CodeType, instruction: int, line: int) -> Place:
    start_line, end_line, start, end = _position(code, instruction)
    if start_line is None or start is None:
        return Place(file, line, 0, linecache.getline(file, line).strip())
    end_at = (end_line or start_line, end)
    source = source_text(file, (start_line, start), end_at)
    return Place(file, start_line, start, source)


def source_text(file: str, begin: tuple[int, int], end: tuple[int, int | None]) -> str:
    """The text between two positions (line, byte column); whole lines joined when it spans several."""
    text = linecache.getline(file, begin[0])
    if begin[0] == end[0] and end[1] is not None:
        return text.encode()[begin[1] : end[1]].decode(errors="replace").strip()
    lines = range(begin[0], end[0] + 1)
    return " ".join(linecache.getline(file, n).strip() for n in lines).strip()


def _position(code: CodeType, instruction: int) -> tuple[int | None, int | None, int | None, int | None]:
    for index, position in enumerate(code.co_positions()):
        if index == instruction // 2:
            return position
    return None, None, None, None
