"""The guilty line and the cause of broken functions in many styles, marked in their own source."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "broken"
spec = importlib.util.spec_from_file_location("broken_table", HERE / "table.py")
assert spec is not None
assert spec.loader is not None
table = importlib.util.module_from_spec(spec)
sys.modules["broken_table"] = table
spec.loader.exec_module(table)
table.load("broken_helpers")
BROKEN = table.load("broken_functions")

NAIVE_SOFTMAX = (
    "naive_softmax",
    "naive_other_names",
    "naive_lambda",
    "naive_in_place",
    "naive_loop",
    "naive_through_helper",
    "naive_object",
    "naive_method",
    "naive_partial",
    "naive_power",
)
NAIVE_LOGSUMEXP = (
    "naive_logsumexp",
    "naive_logsumexp_steps",
    "naive_logsumexp_reduce",
    "naive_logsumexp_einsum",
    "naive_logsumexp_matmul",
)

#: name, op, format, inputs, index of the failing element
CASES: list[table.Case] = [
    *((name, "softmax", "float32", {"x": [0, 89]}, (1,)) for name in NAIVE_SOFTMAX),
    *((name, "logsumexp", "float16", {"x": [1, 12]}, ()) for name in NAIVE_LOGSUMEXP),
    ("naive_softmax", "softmax", "bfloat16", {"x": [0, 89]}, (1,)),
    ("naive_softmax", "softmax", "float64", {"x": [0, 710]}, (1,)),
    ("naive_sigmoid", "sigmoid", "float32", {"x": [-89]}, (0,)),
    ("naive_sigmoid_growing", "sigmoid", "float64", {"x": [710]}, (0,)),
    ("naive_tanh", "tanh", "float32", {"x": [89]}, (0,)),
    ("naive_softplus", "softplus", "float16", {"x": [12]}, (0,)),
    ("naive_softplus_base_two", "softplus", "float32", {"x": [89]}, (0,)),
    ("float16_sum", "softmax", "float16", {"x": [0] * 66000}, (3,)),
    ("float16_square_mean", "rms", "float16", {"x": [300, 1]}, ()),
    ("math_loop", "logsumexp", "float64", {"x": [0, 710]}, ()),
    ("softmax_without_shift", "softmax", "float32", {"x": [-104, -104]}, (0,)),
    ("constant_shift", "softmax", "float64", {"x": [-700, -701]}, (0,)),
    ("shift_from_zero", "softmax", "float32", {"x": [-110, -104]}, (1,)),
    ("batch_maximum", "softmax", "float32", {"x": [[0, 200], [1, 2]]}, (1, 0)),
    ("log_of_softmax", "log_softmax", "float32", {"x": [0, 110]}, (0,)),
    ("log_of_softmax_row_by_row", "log_softmax", "float32", {"x": [[0, 110]]}, (0, 0)),
    ("log_sigmoid", "log_sigmoid", "float32", {"x": [-89]}, (0,)),
    ("nll", "cross_entropy", "float16", {"x": [0, 20], "y": 0}, ()),
    ("product_of_probabilities", "log_prod", "float32", {"p": [1e-20, 1e-20, 1e-20]}, ()),
    *(
        (name, "softplus", "float32", {"x": [-18]}, (0,))
        for name in ["softplus", "softplus_steps", "softplus_in_place", "softplus_through_helper"]
    ),
    ("softplus", "softplus", "float32", {"x": [-9]}, (0,)),
    ("softplus_math", "softplus", "float64", {"x": [-38]}, (0,)),
    ("softplus_floats", "softplus", "float64", {"x": [-34]}, (0,)),
    ("logsumexp", "logsumexp", "float64", {"x": [0, -40]}, ()),
    ("top_log_probability", "log_softmax", "float32", {"x": [0, -18]}, (0,)),
    *(
        (name, "log_softmax", "float32", {"x": [10000, 10001]}, (1,))
        for name in ["offset", "offset_in_place", "offset_through_helper"]
    ),
    ("offset_softmax", "softmax", "float32", {"x": [10000, 10001]}, (0,)),
    ("bce_one_branch", "bce_with_logits", "float32", {"x": [-18], "z": [0]}, (0,)),
    *(
        (name, "sigmoid_grad", "float32", {"x": [17]}, (0,))
        for name in ["complement", "complement_steps", "complement_square", "complement_through_helper"]
    ),
    ("complement", "sigmoid_grad", "float32", {"x": [9]}, (0,)),
    ("complement", "sigmoid_grad", "bfloat16", {"x": [4]}, (0,)),
    ("minus_one", "cross_entropy_grad", "float32", {"x": [18, 0], "y": 0}, (0,)),
    ("minus_onehot", "cross_entropy_grad", "float32", {"x": [9, 0], "y": 0}, (0,)),
    ("bce_of_probabilities", "bce_with_logits", "float32", {"x": [17], "z": [0]}, (0,)),
    ("exp_minus_one", "expm1", "float64", {"x": [1e-12]}, (0,)),
    ("stalled_loop", "logsumexp", "float16", {"x": [0] * 3000}, ()),
    ("stalled_bfloat16", "softmax", "bfloat16", {"x": [0] * 600}, (1,)),
    ("stalled_cumsum", "softmax", "float16", {"x": [0] * 5000}, (1,)),
    ("stalled_columns", "softmax", "float16", {"x": [[0, 0]] * 5000}, (1, 0)),
    ("clipped", "cross_entropy", "float32", {"x": [0, 30], "y": 0}, ()),
    ("clipped", "cross_entropy", "float32", {"x": [0, 30], "y": 1}, ()),
    ("clipped_by_maximum", "cross_entropy", "float32", {"x": [0, 50], "y": 0}, ()),
    ("clip_through_helper", "cross_entropy", "float64", {"x": [0, 30], "y": 0}, ()),
    ("epsilon", "cross_entropy", "float32", {"x": [0, 30], "y": 0}, ()),
    ("clipped_logits", "softplus", "float32", {"x": [30]}, (0,)),
    *(
        (name, "softplus", "float32", {"x": [6]}, (0,))
        for name in ["threshold_where", "threshold_if", "threshold_mask"]
    ),
    ("onehot_times_log", "cross_entropy", "float32", {"x": [0, 110], "y": 1}, ()),
    ("onehot_dot_log", "cross_entropy", "float32", {"x": [0, 110], "y": 1}, ()),
    ("entropy", "entropy", "float32", {"p": [0.5, 0.5, 0]}, ()),
    ("masked_plus", "softmax", "float32", {"x": [0, -math.inf]}, (0,)),
    ("saturated", "sigmoid", "float32", {"x": [7]}, (0,)),
    ("saturated", "sigmoid", "float32", {"x": [-7]}, (0,)),
    ("sentinel", "softmax", "float32", {"x": [-10001, -math.inf]}, (0,)),
    ("epsilon_in_denominator", "softmax", "float32", {"x": [0]}, (0,)),
    ("clipped_certain", "binary_cross_entropy", "float32", {"p": [1], "t": [1]}, (0,)),
    ("mirrored", "sigmoid", "float32", {"x": [-3]}, (0,)),
    ("mirrored", "sigmoid", "float64", {"x": [-40]}, (0,)),
    ("from_saved", "sigmoid", "float32", {"x": [-2]}, (0,)),
    ("log1mexp", "log1mexp", "float32", {"x": [1e-8]}, (0,)),
    ("log1mexp", "log1mexp", "float32", {"x": [4e-3]}, (0,)),
    ("hinge_minus_product", "bce_with_logits", "float32", {"x": [9], "z": [1]}, (0,)),
    ("product_first", "silu", "float32", {"x": [85]}, (0,)),
    ("quotient", "kl_divergence", "float32", {"p": [1, 0.5], "q": [1e-45, 0.5]}, ()),
    ("offset", "log_softmax", "float32", {"x": [-34, -34]}, (0,)),
    ("through_float16", "softmax", "float32", {"x": [0, 1.0001]}, (0,)),
]

#: What is not right yet: (name, format) -> why. The list is part of the result.
WRONG: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_guilty_line_and_cause(case: table.Case) -> None:
    """The marked line and kind are found, the trace is faithful, and the text is one line."""
    file, line, kind = table.guilty("broken_functions", "broken_helpers")[case[0]]
    found = table.diagnosis(getattr(BROKEN, case[0]), case)
    assert found.cause is not None
    assert found.where is not None, found.cause
    right = (found.where.file, found.where.line, found.cause.kind) == (file, line, kind)
    if (case[0], case[2]) in WRONG:
        assert not right, "listed as wrong, but right: take it off the list"
        return
    assert (file, line, kind) == (found.where.file, found.where.line, found.cause.kind), found.cause.text
    assert found.trace.faithful
    assert "\n" not in found.cause.text


def test_enough_are_right() -> None:
    """At least 95 % of the table is right; what is wrong is listed by name; every mark has a case."""
    assert len(WRONG) <= 0.05 * len(CASES)
    assert {name for name, *_ in CASES} >= table.guilty("broken_functions", "broken_helpers").keys()
