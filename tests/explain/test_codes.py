"""`stabcheck explain CODE`: every code has a text whose code runs and shows what it claims."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from stabcheck.errors import UsageError
from stabcheck.explain.codes import as_text, explanation
from stabcheck.findings import CODES

CLAIM = re.compile(r"^\s*print\(.*\)  # (.*)$", re.MULTILINE)
WORD = re.compile(r"[^\s\[\](),]+")


def printed(snippet: str) -> list[str]:
    """What the snippet prints, line by line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(snippet, "<snippet>", "exec"), {"__name__": "snippet"})
    return out.getvalue().splitlines()


def same(claimed: list[str], got: list[str]) -> bool:
    """Equal words, and numbers equal up to what another processor's exp may give."""
    if len(claimed) != len(got):
        return False
    pairs = zip(WORD.findall(" ".join(claimed)), WORD.findall(" ".join(got)), strict=True)
    return all(a == b or float(a) == pytest.approx(float(b), rel=1e-6) for a, b in pairs)


@pytest.mark.parametrize("name", CODES)
def test_example_shows_what_it_claims(name: str) -> None:
    """The example prints exactly the texts that stand beside its print statements."""
    snippet = explanation(name).example
    claims = CLAIM.findall(snippet)
    assert claims
    assert same(claims, printed(snippet))


@pytest.mark.parametrize("name", CODES)
def test_rewrite_shows_what_it_claims(name: str) -> None:
    """The stable rewrite prints exactly the texts that stand beside its print statements."""
    snippet = explanation(name).rewrite
    claims = CLAIM.findall(snippet)
    assert claims
    assert same(claims, printed(snippet))


@pytest.mark.parametrize("name", CODES)
def test_every_part_is_there(name: str) -> None:
    """A text bears its code and name and says what, why (several causes) and what to write."""
    explained = explanation(name)
    assert explained.markdown.startswith(f"# {CODES[name].code} {CODES[name].name}\n")
    assert len(explained.causes) >= 3
    assert len(explained.what) > 60


def test_code_is_found_by_name() -> None:
    """A code is found by its number and by its name."""
    assert explanation("SC101") == explanation("nan")


def test_unknown_code_names_the_nearest() -> None:
    """A typo ends with the nearest match."""
    with pytest.raises(UsageError, match=r"'SC110'.*Did you mean 'SC"):
        explanation("SC110")


def test_text_has_no_markup() -> None:
    """The plain text shows title, consequence, causes and indented code, without Markdown marks."""
    text = as_text(explanation("SC102"))
    assert text.startswith("SC102 overflow: infinite where")
    assert "(breaks the level robust)" in text
    assert "    def logsumexp(x):" in text
    assert "```" not in text
    assert "##" not in text
