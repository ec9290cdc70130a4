"""Reports to JSON and back: no bit, infinity or NaN is lost, and damage is named."""

import json
import math

import ml_dtypes
import numpy as np
import pytest

from stabcheck import formats
from stabcheck.errors import UsageError
from stabcheck.findings import (
    Cause,
    Cell,
    Counts,
    Example,
    Finding,
    Fix,
    Grade,
    Level,
    Report,
    Where,
    serial,
)

SPECIAL = [0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan]

MINIMAL = Example(
    inputs={
        "logits": np.array([[89.0, -math.inf]], dtype=np.float32),
        "weights": np.array(SPECIAL, dtype=ml_dtypes.bfloat16),
        "target": np.array([1, 0], dtype=np.int64),
        "empty": np.zeros((0, 3), dtype=np.float16),
    },
    index=(0, 1),
    got=math.nan,
    expected=1.0,
    ulps=math.inf,
    ratio=math.nan,
    regime="above log max",
)

FULL = Finding(
    code="SC101",
    op="cross_entropy",
    options="reduction=mean",
    argument="logits",
    target='a "b"\n<c>.py:f',
    dtype="float32",
    minimal=MINIMAL,
    worst=Example({"logits": np.float64(710.0)}),
    asked=False,
    onset=88.72284,
    regimes=("above log max", "huge"),
    share=1 / 3,
    text="rows do not sum to one",
    cause=Cause("overflow", "exp(89) is beyond the largest float32"),
    where=Where("a.py", 3, "exp"),
    fix=Fix("shift", "x - max(x)", "def f(x): ...", "Blanchard et al.", "stable", "all"),
    known="legacy",
)

REPORT = Report(
    cells=(
        Cell(
            target=FULL.target,
            op="cross_entropy",
            dtype="float32",
            options="reduction=mean",
            findings=(FULL,),
            notes=("called row by row",),
            judged=12,
            examples=3,
            undecided=1,
            max_ratio=math.inf,
            max_ulps=0.1,
            p99_ulps=0.05,
            histogram=(9, 1, 1, 0, 0, 0, 0, 1),
            profile=((1.0, 0.5, 0.1), (89.0, math.inf, math.nan)),
            counts=Counts({"authority": 2, "double-double balls": 10}, 2, 1),
            call_form="f(logits, target)",
            declared=Grade.ROBUST,
            reason_declared="no shift",
            location=Where("a.py", 1, ""),
        ),
        Cell(target="m:g", op="softmax", dtype="float16", state="n/a", reason="refuses float16"),
    ),
    meta={"numpy": "2.4.6", "seed": 7},
    level=Level.ACCURATE,
    seed=7,
    elapsed=1.25,
    interrupted=True,
    notes=("a note",),
)


def through_json(report: Report) -> Report:
    return serial.data_to_report(json.loads(json.dumps(serial.report_to_data(report), allow_nan=False)))


def test_a_report_with_every_field_set_comes_back():
    """Through real JSON text with NaN forbidden; every record field is compared."""
    back = through_json(REPORT)
    assert serial.report_to_data(REPORT) == serial.report_to_data(back)
    assert REPORT.meta == back.meta
    assert (REPORT.level, REPORT.seed, REPORT.elapsed) == (back.level, back.seed, back.elapsed)
    assert (REPORT.interrupted, REPORT.notes) == (back.interrupted, back.notes)
    assert REPORT.cells[1] == back.cells[1]
    finding = back.findings[0]
    assert vars(FULL).keys() == vars(finding).keys()
    plain = [name for name in vars(FULL) if name not in ("minimal", "worst")]
    assert [getattr(FULL, n) for n in plain] == [getattr(finding, n) for n in plain]


@pytest.mark.parametrize("name", [*formats.FORMATS, *formats.EXTRA_FORMATS])
def test_arrays_of_every_format_come_back_bit_for_bit(name):
    """Ordinary values, the ends of the format, signed zeros, infinities, NaN; shape and dtype too."""
    f = formats.get(name)
    ends = [f.max, -f.max, f.tiny, f.eta, -f.eta, 0.5 + f.u]
    array = f.round_array([*SPECIAL, *ends, 2.0]).reshape(2, 7)
    back = serial.data_to_array(json.loads(json.dumps(serial.array_to_data(array), allow_nan=False)))
    assert (array.dtype, array.shape) == (back.dtype, back.shape)
    wide, again = f.widen(array), f.widen(back)
    assert np.array_equal(wide, again, equal_nan=True)
    signs = ~np.isnan(wide)
    assert (np.signbit(wide) == np.signbit(again))[signs].all()


@pytest.mark.parametrize(
    "array",
    [np.array([-(2**63), 2**63 - 1]), np.array([[True], [False]]), np.array(3, dtype=np.uint8)],
    ids=str,
)
def test_integer_and_boolean_arrays_come_back(array):
    """Class indices and masks, exact to the ends of int64; 0-d arrays stay 0-d."""
    back = serial.data_to_array(json.loads(json.dumps(serial.array_to_data(array))))
    assert (array.dtype, array.shape) == (back.dtype, back.shape)
    assert array.tolist() == back.tolist()


@pytest.mark.parametrize("value", [*SPECIAL, 5e-324, 1.7976931348623157e308, 0.1])
def test_floats_are_text_without_loss(value):
    """float.hex for numbers, words for the rest."""
    back = serial.text_to_float(serial.float_to_text(value))
    assert repr(value) == repr(back)


def test_no_number_stays_no_number():
    """None is not NaN."""
    assert serial.text_to_float(serial.float_to_text(None)) is None


@pytest.mark.parametrize("text", ["ten", "", "0x1p99999", 3, ["nan"], {}])
def test_text_that_is_no_number_is_refused(text):
    """The message shows the text."""
    with pytest.raises(UsageError, match="not a number"):
        serial.text_to_float(text)


@pytest.mark.parametrize("data", [None, [], "report", {}, {"schema": "stabcheck.report/2"}, {"schema": None}])
def test_foreign_data_is_no_report(data):
    """Another tool's file, a later schema, a list."""
    with pytest.raises(UsageError, match="not a stabcheck report"):
        serial.data_to_report(data)


def paths(data: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The place of every value of nested data."""
    inner: list[tuple[object, ...]] = []
    if isinstance(data, dict):
        inner = [p for key, value in data.items() for p in paths(value, (*path, key))]
    elif isinstance(data, list):
        inner = [p for i, value in enumerate(data) for p in paths(value, (*path, i))]
    return [path, *inner] if path else inner


def test_damage_anywhere_is_a_usage_error_or_harmless():
    """Every value of a real report is replaced by nonsense, and every key removed, one at a time."""
    text = json.dumps(serial.report_to_data(REPORT))
    for path in paths(json.loads(text)):
        for nonsense in (None, "nonsense", -1, [], {}, [["x"]], "delete"):
            data = json.loads(text)
            holder = data
            for key in path[:-1]:
                holder = holder[key]
            if nonsense == "delete":
                del holder[path[-1]]
            else:
                holder[path[-1]] = nonsense
            try:
                serial.report_to_data(serial.data_to_report(data))
            except UsageError as error:
                assert "stabcheck report" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        {"dtype": "float32", "shape": [3], "values": ["0x1p+0"]},
        {"dtype": "float32", "shape": [1], "values": [1.0]},
        {"dtype": "object", "shape": [1], "values": [1]},
        {"dtype": "uint8", "shape": [1], "values": [300]},
        {"dtype": "nonsense", "shape": [1], "values": [1]},
    ],
    ids=lambda d: f"{d['dtype']} {d['values']}",
)
def test_a_damaged_array_makes_the_report_a_damaged_one(data):
    """Wrong count, a number that is no text, objects, values out of range."""
    whole = serial.report_to_data(REPORT)
    whole["findings"][0]["minimal"]["inputs"]["logits"] = data
    with pytest.raises(UsageError, match="damaged stabcheck report"):
        serial.data_to_report(whole)


def test_a_code_of_another_version_is_named():
    """A report with a code we do not know cannot be judged by us."""
    whole = serial.report_to_data(REPORT)
    whole["findings"][0]["code"] = "SC777"
    with pytest.raises(UsageError, match="SC777"):
        serial.data_to_report(whole)
