"""Formats are found by name, alias and the dtypes of several libraries."""

import ml_dtypes
import numpy as np
import pytest

from stabcheck import formats
from stabcheck.errors import UsageError


class ForeignDtype:
    """A dtype object that NumPy does not know, as PyTorch's are."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("float64", "float64"),
        ("double", "float64"),
        ("fp64", "float64"),
        ("single", "float32"),
        ("fp32", "float32"),
        ("bf16", "bfloat16"),
        ("half", "float16"),
        ("fp16", "float16"),
        ("FP16", "float16"),
        (np.float16, "float16"),
        (np.dtype(np.float32), "float32"),
        (np.dtype(">f4"), "float32"),
        (float, "float64"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
        (ml_dtypes.float8_e5m2, "float8_e5m2"),
        (ForeignDtype("torch.float16"), "float16"),
        (ForeignDtype("torch.bfloat16"), "bfloat16"),
    ],
    ids=str,
)
def test_get_finds_the_format(asked, expected):
    """Names, aliases in any case, NumPy's and ml_dtypes' types, PyTorch's dtype objects."""
    assert expected == formats.get(asked).name


def test_get_passes_a_format_through():
    """A format is its own name."""
    f = formats.FORMATS["float16"]
    assert f is formats.get(f)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("flaot32", "float32"), ("float61", "float16"), ("bfloat61", "bfloat16"), (np.int32, "Known:")],
    ids=str,
)
def test_an_unknown_dtype_is_shown_with_its_nearest_match(asked, hint):
    """The message has the value, the nearest name and the list of formats."""
    with pytest.raises(UsageError) as caught:
        formats.get(asked)
    text = str(caught.value)
    assert "unknown dtype" in text
    assert hint in text
    assert "bfloat16, float16, float32, float64" in text


@pytest.mark.parametrize("asked", [None, "float", "", 3.5, ForeignDtype("torch.int64"), ["float32"]], ids=str)
def test_what_names_no_format_is_refused(asked):
    """NumPy would take None for float64; "float" is float64 to NumPy and float32 to PyTorch."""
    with pytest.raises(UsageError, match="unknown dtype"):
        formats.get(asked)
