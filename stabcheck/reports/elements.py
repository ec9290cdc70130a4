"""HTML and SVG elements that cannot be broken out of: every text is escaped where it is put in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from stabcheck.reports import names

#: Elements without content, and without an end tag in HTML.
_VOID = {"meta", "br", "hr", "link"}


class Markup(str):
    """Text that is markup already: made by `tag` and `join`, or a style sheet or script of ours."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """`<name attribute="...">children</name>`.

    Children that are not Markup are escaped, as are all attributes. `class_` and `for_` lose the
    underscore, the others become dashes; attributes and children that are None are left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str | None) -> Markup:
    """The children one after the other, each escaped unless it is Markup."""
    return Markup("".join(c if isinstance(c, Markup) else text(c) for c in children if c is not None))


def text(content: str) -> Markup:
    """Text with control characters shown as escapes and nothing that HTML would read."""
    return Markup(escape(names.printable(content)))


def lines(parts: Iterable[str]) -> Markup:
    """Lines for a <pre>, each escaped unless it is Markup."""
    return Markup("\n".join(join(part) for part in parts))


def _value(value: str | float) -> str:
    return text(value) if isinstance(value, str) else f"{value:.5g}"
