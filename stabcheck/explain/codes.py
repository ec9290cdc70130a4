"""What a finding code means: one Markdown text per code, read on demand and shown by `stabcheck explain`.

A text has five parts: its title, what the code means, the causes (most frequent first), an example that
shows it and the stable rewrite. Both pieces of code run as they are with plain NumPy; a line
`print(...)  # text` prints that text (the tests run all of them).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from stabcheck.findings import Code, code

#: Widest lines of causes: what can be read at a glance.
_WIDTH = 96

_PARTS = ("Why it happens", "Example", "Stable rewrite")
_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_CAUSE = re.compile(r"^\d+\. (.*?)(?=^\d+\. |\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Explanation:
    """One code, explained. `causes` are ranked; `advice` introduces the rewrite (it may be empty)."""

    code: Code
    what: str
    causes: tuple[str, ...]
    example: str
    advice: str
    rewrite: str
    markdown: str

    @property
    def title(self) -> str:
        return f"{self.code.code} {self.code.name}"

    @property
    def consequence(self) -> str:
        """What the code does to a grade, in half a sentence."""
        broken = self.code.breaks
        return "a note, which never lowers a grade" if broken is None else f"breaks the level {broken!s}"


def explanation(code_or_name: str) -> Explanation:
    """The explanation of SC101 or `nan`; UsageError names the nearest match for anything else."""
    return _read(code(code_or_name))


def as_text(explained: Explanation, width: int = 120) -> str:
    """Plain text for a terminal of that width: no markup, code indented by four spaces and never broken."""
    causes = "\n".join(
        _refill(f"  {rank}. {cause}", 5, min(width, _WIDTH)) for rank, cause in enumerate(explained.causes, 1)
    )
    advice = f"{_fitted(explained.advice, width)}\n\n" if explained.advice else ""
    title = f"{explained.title}: {explained.code.meaning} ({explained.consequence})"
    return (
        f"{_fitted(title, width)}\n\n"
        f"{_fitted(explained.what, width)}\n\n"
        f"Why it happens (most frequent first)\n\n{causes}\n\n"
        f"Example\n\n{_indent(explained.example)}\n\n"
        f"Stable rewrite\n\n{advice}{_indent(explained.rewrite)}\n"
    )


@cache
def _read(entry: Code) -> Explanation:
    text = files("stabcheck.explain").joinpath(f"texts/{entry.code}.md").read_text(encoding="utf-8")
    head, *rest = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    why, example, rewrite = (parts[name] for name in _PARTS)
    return Explanation(
        code=entry,
        what=head.split("\n", 1)[1].strip(),
        causes=tuple(" ".join(cause.split()) for cause in _CAUSE.findall(why)),
        example=_code(example),
        advice=_FENCE.sub("", rewrite).strip(),
        rewrite=_code(rewrite),
        markdown=text,
    )


def _code(part: str) -> str:
    fenced = _FENCE.search(part)
    if fenced is None:
        raise ValueError(f"no Python code in {part!r}")
    return fenced.group(1).strip() + "\n"


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.rstrip().split("\n"))


def _fitted(text: str, width: int) -> str:
    """Paragraphs as they are written where they fit, filled anew where they do not."""
    parts = text.split("\n\n")
    wide = (max(map(len, part.split("\n"))) > width for part in parts)
    return "\n\n".join(_refill(p, 0, width) if w else p for p, w in zip(parts, wide, strict=True))


def _refill(text: str, indent: int, width: int) -> str:
    import textwrap

    return textwrap.fill(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
