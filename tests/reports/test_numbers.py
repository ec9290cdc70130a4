"""Numbers and names as people read them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcheck.findings import Example
from stabcheck.formats import FORMATS
from stabcheck.reports import names, numbers


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_float_of_sixteen_bits_comes_back(dtype: str) -> None:
    """The text of a sample of all patterns rounds to the number it was made from."""
    form = FORMATS[dtype]
    values = form.widen(form.from_ordinal(np.arange(-form.max_ordinal, form.max_ordinal, 37)))

    for value in values.tolist():
        back = float(form.widen(form.round_array(float(numbers.number(value, dtype)))))

        assert (back, math.copysign(1, back)) == (value, math.copysign(1, value))


@given(st.floats(width=32, allow_nan=False))
def test_single_precision_comes_back_in_few_digits(value: float) -> None:
    """NumPy's own shortest digits are no shorter, exact whole numbers aside."""
    text = numbers.number(value, "float32")

    assert np.float32(text) == np.float32(value)
    if not value.is_integer():
        assert len(text) <= len(repr(float(str(np.float32(value)))))


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (11.1015625, "float16", "11.1"),
        (65504.0, "float16", "65504"),
        (0.1, "float64", "0.1"),
        (float(np.float32(0.1)), "float32", "0.1"),
        (3.3895313892515355e38, "bfloat16", "3.39e+38"),
        (89.0, "float32", "89"),
        (-0.0, "float32", "-0.0"),
        (5e-324, "float64", "5e-324"),
        (math.inf, "float32", "inf"),
        (-math.inf, "float32", "-inf"),
        (math.nan, "float32", "nan"),
        (None, "float32", "nothing"),
        (0.1, "float16", "0.1"),
    ],
)
def test_numbers(value: float | None, dtype: str, text: str) -> None:
    """Shortest digits, special values as such."""
    assert numbers.number(value, dtype) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (11.0898, "11.1"),
        (88.7228, "88.8"),
        (709.7827, "709.8"),
        (-103.97, "-104"),
        (-103.91, "-104"),
        (7.0341, "7.04"),
        (1000.0, "1000"),
        (65504, "65504"),
        (3.4028e38, "3.403e+38"),
        (1e-7, "1e-07"),
        (math.inf, "inf"),
    ],
)
def test_onsets_are_rounded_away_from_zero(value: float, text: str) -> None:
    """What is printed is never inside the range that works."""
    assert numbers.onset(value) == text
    assert abs(float(numbers.onset(value))) >= abs(value)


def test_a_ratio_just_above_its_gate_reads_so() -> None:
    """1.0001 is not printed as 1."""
    assert numbers.error(Example({}, ulps=1.0, ratio=1.0001)) == "1 ulp, ratio 1.01 (gate: 1)"
    assert numbers.error(Example({})) == ""


def test_long_rows_lose_their_middle() -> None:
    """Both ends stay, with how many are missing and how many there are."""
    row = np.zeros(4096)
    row[[0, 17, -1]] = 12.5, -3.25, -math.inf

    (shown,) = numbers.inputs(Example({"logits": row}, index=(17,)), "float64")

    assert shown == ("logits", "[12.5, 0, 0, 0, ... 4,089 more ..., 0, 0, -inf], n = 4096, -3.25 at [17]")
    assert numbers.array(np.zeros((2, 20), np.float16)).endswith("], shape 2 x 20")
    assert numbers.array(np.array([1, 2])) == "[1, 2]"
    assert numbers.array(np.float32(0.1)) == "0.1"
    assert numbers.array(np.array([])) == "[]"


def test_durations_and_counts() -> None:
    """With their units."""
    assert [numbers.duration(t) for t in (0.0, 9.994, 12.34, 75.0)] == [
        "0.00 s",
        "9.99 s",
        "12.3 s",
        "1 min 15 s",
    ]
    assert [numbers.count(1, "cell"), numbers.count(12345, "cell")] == ["1 cell", "12,345 cells"]


def test_printable_text_is_one_line_without_control_characters() -> None:
    """Escapes, line ends, reordering and invisible characters of every kind are shown as escapes."""
    text = "".join(map(chr, [*range(0x250), *range(0x2000, 0x2070), 0xD800, 0xE000, 0xFEFF, 0xFFFF, 0x1F600]))

    shown = names.printable(text)

    assert shown.isprintable()
    assert names.printable(shown) == shown
    assert names.printable("größe ✓ 😀") == "größe ✓ 😀"
    assert names.printable("a\n\x1b\u202e\x00") == "a\\n\\x1b\\u202e\\x00"


def test_names_of_the_catalogue_are_short() -> None:
    """Those of others are whole."""
    assert names.short("stabcheck.implementations.softmax:naive") == "naive"
    assert names.short("my/layers.py:softmax") == "my/layers.py:softmax"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100 %"),
        (0.999, "100 %"),
        (0.37, "37 %"),
        (0.0996, "10 %"),
        (0.042, "4.2 %"),
        (0.00013, "0.013 %"),
    ],
)
def test_shares(share: float, text: str) -> None:
    """Two digits, and never 1e+02 %."""
    assert numbers.percent(share) == text
