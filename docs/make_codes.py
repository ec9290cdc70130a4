"""Write docs/codes.md, what `stabcheck explain` says about every code: `python docs/make_codes.py`."""

from __future__ import annotations

import re
from pathlib import Path

from stabcheck.explain.codes import explanation
from stabcheck.findings import CODES

PAGE = Path(__file__).with_name("codes.md")

_HEAD = """\
# Finding codes

What each code means, why it happens, an example that shows it and the stable rewrite. The same text comes
from `stabcheck explain CODE`. Codes and names never change their meaning.

| code | name | breaks | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page: a table of all codes, then the text of each."""
    rows = (
        f"| [{c.code}](#{c.code.lower()}) | {c.name} | {c.breaks or 'nothing (a note)'} | {c.meaning} |\n"
        for c in CODES.values()
    )
    return _HEAD + "".join(rows) + "".join(map(_section, CODES))


def _section(code: str) -> str:
    """The text one level down, under a heading that is the code alone, so that links to it stay good."""
    explained = explanation(code)
    _, _, body = explained.markdown.partition("\n")
    body = re.sub(r"^## ", "### ", body, flags=re.MULTILINE)
    return f"\n## {code}\n\n**{explained.code.name}** {explained.consequence}.\n{body.rstrip()}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
