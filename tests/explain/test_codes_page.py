"""docs/codes.md."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    """The page is what the texts make; `python docs/make_codes.py` writes it anew."""
    spec = importlib.util.spec_from_file_location("make_codes", DOCS / "make_codes.py")
    assert spec is not None
    assert spec.loader is not None
    make_codes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_codes)

    assert (DOCS / "codes.md").read_text(encoding="utf-8") == make_codes.page()
