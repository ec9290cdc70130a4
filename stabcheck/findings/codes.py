"""Finding codes: stable names for the ways in which a target can fail, and what each of them breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from stabcheck.errors import unknown


class Level(IntEnum):
    """How much is asked of a target. A finding at a level breaks every level from there up."""

    ROBUST = 1
    STABLE = 2
    ACCURATE = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str | Level) -> Level:
        """Level of that name; UsageError names the nearest match."""
        if isinstance(text, Level):
            return text
        try:
            return cls[text.upper()]
        except (KeyError, AttributeError):
            raise unknown("level", text, [str(level) for level in cls]) from None


class Grade(IntEnum):
    """How much was reached: the highest level that nothing breaks."""

    UNSTABLE = 0
    ROBUST = 1
    STABLE = 2
    ACCURATE = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Code:
    """One way to fail. `breaks` is None for a note, which never lowers a grade."""

    code: str
    name: str
    breaks: Level | None
    meaning: str


_R, _S, _A = Level.ROBUST, Level.STABLE, Level.ACCURATE

CODES = {
    entry.code: entry
    for entry in (
        Code("SC101", "nan", _R, "NaN where the truth is a number"),
        Code("SC102", "overflow", _R, "infinite where the truth rounds to a finite number"),
        Code("SC103", "underflow", _R, "zero or subnormal where the truth rounds to a normal number"),
        Code("SC104", "missed-overflow", _R, "finite where the truth rounds to an infinity"),
        Code("SC105", "hidden-nan", _R, "NaN in an input did not reach an output that it feeds"),
        Code("SC201", "inaccurate", _S, "error beyond the stable gate"),
        Code("SC202", "lost-digits", _A, "inside the stable gate, beyond the accurate gate"),
        Code("SC203", "lost-subnormal", _A, "zero where the truth is at least two subnormal steps"),
        Code("SC304", "batch", _S, "a row's result changes when only its neighbours' values change"),
        Code("SC401", "raises", _R, "raises on an input of a kind on which a benign input worked"),
        Code("SC402", "shape", _R, "wrong shape"),
        Code("SC403", "dtype", _R, "narrower or non-float result, object or None"),
        Code("SC404", "mutates", _R, "writes to its input, or returns a buffer that a later call overwrites"),
        Code("SC405", "unsteady", _R, "different answers for the same input"),
        Code("SC406", "timeout", _R, "no answer in time"),
        Code("SC407", "crash", _R, "the process died"),
        Code("SC501", "signal", None, "the right answer, but an overflow or invalid operation on the way"),
        Code("SC901", "flush-to-zero", None, "the library flushes subnormals to zero"),
        Code("SC902", "undecided", None, "the oracle could not decide"),
        Code("SC903", "wider", None, "the result has a wider dtype; rounded once to the cell's format"),
    )
}


def code(text: str) -> Code:
    """The code of that number (SC101) or name (nan); UsageError names the nearest match."""
    wanted = text.strip()
    for entry in CODES.values():
        if wanted.upper() == entry.code or wanted.lower() == entry.name:
            return entry
    raise unknown("code", text, [*CODES, *(entry.name for entry in CODES.values())])


def selected(entry: Code, select: Sequence[str] | None, ignore: Sequence[str] | None) -> bool:
    """Whether `--select` and `--ignore` leave this code in; both take codes, names and prefixes (SC1)."""

    def listed(patterns: Sequence[str]) -> bool:
        return any(entry.code.startswith(p.upper()) or entry.name == p.lower() for p in patterns)

    return (not select or listed(select)) and not (ignore and listed(ignore))
