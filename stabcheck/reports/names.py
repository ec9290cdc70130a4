"""Names as they are shown: short for implementations of the catalogue, and harmless, whatever they hold."""

from __future__ import annotations

from stabcheck.findings import Cell, Finding, Where

_CATALOGUE = "stabcheck.implementations."


def printable(text: str) -> str:
    r"""The text on one line, with all that breaks lines, hides or reorders text as escapes (\n, \x1b)."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> list[str]:
    """Lines of a text of several lines (a snippet, a source file), each printable, tabs expanded."""
    return [printable(line) for line in text.expandtabs(4).split("\n")]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def short(target: str) -> str:
    """What a table shows for a target: the function of an implementation of ours, the name of any other."""
    if target.startswith(_CATALOGUE):
        target = target.rpartition(":")[2] if ":" in target else target.rpartition(".")[2]
    return printable(target)


def op(name: str, options: str = "", argument: str = "") -> str:
    """The op with the options that are not at their defaults: `cross_entropy(reduction=mean)`."""
    text = f"{name}({options})" if options else name
    return printable(f"{text} d/d{argument}" if argument else text)


def label(finding: Finding) -> str:
    """ "SC101 nan"."""
    return f"{finding.code} {finding.name}"


def place(where: Where) -> str:
    return printable(f"{where.file}:{where.line}")


def case(cell: Cell) -> str:
    """One name for a cell: `softmax[mod:naive-float16]`."""
    return f"{op(cell.op, cell.options)}[{printable(cell.target)}-{cell.dtype}]"
