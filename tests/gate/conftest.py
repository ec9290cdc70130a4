"""Hand-made findings, cells and reports."""

from datetime import date

import numpy as np
import pytest

from stabcheck.findings import Cell, Example, Finding, Report


class Made:
    """Builders with the defaults of an ordinary run: 1 000 examples of softmax in float32."""

    platform = "linux-x86_64-numpy2"
    today = date(2026, 6, 1)

    @staticmethod
    def finding(code="SC201", ratio=9.0, **fields):
        example = Example({"x": np.array([89.0], dtype=np.float32)}, ratio=ratio)
        usual = {"op": "softmax", "target": "m:f", "dtype": "float32", "onset": 88.73, "share": 0.25}
        return Finding(code=code, minimal=example, worst=example, **{**usual, **fields})

    @staticmethod
    def cell(*findings, **fields):
        usual = {"target": "m:f", "op": "softmax", "dtype": "float32", "judged": 9000, "examples": 1000}
        usual["max_ratio"] = max((f.worst.ratio for f in findings), default=0.4)
        return Cell(findings=findings, **{**usual, **fields})

    @staticmethod
    def report(*cells, **fields):
        return Report(cells=cells, **fields)


@pytest.fixture
def made():
    return Made
