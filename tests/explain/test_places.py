"""Which line of the user's code an operation belongs to: never one of those who called stabcheck."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stabcheck
from stabcheck.explain.trace import places
from stabcheck.explain.trace.places import kind_of_file

PACKAGE = Path(stabcheck.__file__).parent


def test_kinds_of_files() -> None:
    """The user's, stabcheck's own, what of that calls targets, and the libraries."""
    assert kind_of_file(__file__) == "user"
    assert kind_of_file(str(PACKAGE / "implementations" / "softmax.py")) == "user"
    assert kind_of_file(places.__file__) == "machinery"
    assert kind_of_file(str(PACKAGE / "targets" / "calling.py")) == "caller"
    assert kind_of_file(np.__file__) == "array"
    assert kind_of_file(pytest.__file__) == "library"


def test_a_builtin_has_no_line_of_its_own() -> None:
    """The line that calls stabcheck is not the guilty one."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    report = stabcheck.check(torch.nn.functional.softplus, "softplus", dtypes=("float64",), max_examples=60)
    assert [f.code for f in report.findings if f.asked] == ["SC201"]
    assert report.findings[0].where is None
