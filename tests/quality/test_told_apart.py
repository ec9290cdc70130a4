"""Broken functions in the style of real code bases are found and shrunk; their fixes stay silent."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import stabcheck
from stabcheck.findings.records import example_size

FUNCTIONS = Path(__file__).parent / "functions"

FLOAT64, FLOAT32, FLOAT16, BFLOAT16 = ALL = ("float64", "float32", "float16", "bfloat16")
WIDE = (FLOAT64, FLOAT32)
NARROW = (FLOAT16, BFLOAT16)

#: Seeds of the slow proof, in all formats. The ordinary run takes one seed and format per function, another
#: for each, so that together they cover five seeds and all formats in half a minute.
SEEDS = range(20)


@dataclass(frozen=True)
class Pair:
    """A broken function and its fix.

    In every format of `caught` the broken one must show at least one of `codes`, with a minimal input of at
    most `size` numbers; the fix must show nothing in all four formats. Both are asked for `level`.
    """

    module: str
    broken: str
    fixed: str
    op: str
    caught: tuple[str, ...]
    codes: frozenset[str]
    size: int = 2
    level: str = "stable"

    def __str__(self) -> str:
        return self.broken


def pair(module, broken, fixed, op, caught, codes, size=2, level="stable"):
    return Pair(module, broken, fixed, op, caught, frozenset(codes.split()), size, level)


PAIRS = [
    # softmax
    # (A float16 row below -10000 beside a mask is drawn in nine seeds of ten only.)
    pair("attention", "bert_mask", "infinite_mask", "softmax", (*WIDE, BFLOAT16), "SC103 SC201"),
    pair("attention", "batch_shifted", "row_shifted", "softmax", ALL, "SC101 SC304", size=4),
    pair("attention", "tempered_unshifted", "tempered_shifted", "softmax", ALL, "SC101", size=1),
    pair("attention", "safe_divide_softmax", "plain_divide_softmax", "softmax", WIDE, "SC201"),
    pair("attention", "sparse_attention", "dense_attention", "softmax", (*WIDE, BFLOAT16), "SC103 SC201"),
    pair("classifier", "softmax_mean_shift", "softmax_max_shift", "softmax", ALL, "SC101", size=2),
    pair("classifier", "softmax_by_hand_from_zero", "softmax_by_hand", "softmax", ALL, "SC101 SC401", size=1),
    pair("classifier", "first_column_shift", "largest_column_shift", "softmax", ALL, "SC101"),
    pair(
        "classifier", "softmax_clamped_logits", "softmax_clamped_after_shift", "softmax", ALL, "SC103 SC201"
    ),
    pair("kernels", "flash_softmax_lazy", "flash_softmax", "softmax", WIDE, "SC201", size=3),
    # (In float16 the rest is rarely beyond exp of the float32 inside.)
    pair(
        "kernels",
        "softmax_blocks_only",
        "softmax_blocks_and_rest",
        "softmax",
        (*WIDE, BFLOAT16),
        "SC101 SC102",
        size=70,
    ),
    pair("kernels", "softmax_running_sum", "softmax_wide_running_sum", "softmax", NARROW, "SC201", size=4096),
    pair(
        "kernels",
        "division_free_softmax",
        "division_free_after_shift",
        "softmax",
        ALL,
        "SC201 SC103",
    ),
    # logsumexp
    pair(
        "kernels",
        "lse_pairwise_fold",
        "lse_fold_of_shifted",
        "logsumexp",
        (FLOAT32, *NARROW),
        "SC201",
        size=4096,
    ),
    pair("kernels", "lse_tiny_start", "lse_lowest_start", "logsumexp", ALL, "SC102", size=1),
    pair("mixture", "log_evidence_guarded_above", "log_evidence", "logsumexp", ALL, "SC102", size=1),
    # log_softmax
    pair("mixture", "log_of_probabilities", "log_probabilities", "log_softmax", ALL, "SC102"),
    pair(
        "mixture",
        "log_of_floored_probabilities",
        "log_probabilities",
        "log_softmax",
        ALL,
        "SC102 SC104 SC201",
    ),
    pair(
        "mixture",
        "log_responsibilities",
        "log_responsibilities_centred",
        "log_softmax",
        ALL,
        "SC103 SC201",
    ),
    pair(
        "gradients",
        "top_log_probability",
        "top_log_probability_kept",
        "log_softmax",
        WIDE,
        "SC202",
        level="accurate",
    ),
    # sigmoid
    pair("activations", "sigmoid_odds", "sigmoid_select", "sigmoid", ALL, "SC101", size=1),
    pair("activations", "sigmoid_wrong_branch", "sigmoid_branches", "sigmoid", ALL, "SC101", size=1),
    pair("activations", "sigmoid_saturated", "sigmoid_unsaturated", "sigmoid", ALL, "SC103", size=1),
    pair("activations", "sigmoid_from_tanh", "sigmoid_from_half_angle", "sigmoid", ALL, "SC103", size=1),
    # log_sigmoid
    pair(
        "activations",
        "log_sigmoid_eps",
        "log_sigmoid_two_sided",
        "log_sigmoid",
        ALL,
        "SC102 SC103 SC201",
        size=1,
    ),
    pair(
        "activations", "log_sigmoid_one_sided", "log_sigmoid_two_sided", "log_sigmoid", ALL, "SC102", size=1
    ),
    pair(
        "activations", "log_sigmoid_early_exit", "log_sigmoid_late_exit", "log_sigmoid", WIDE, "SC201", size=1
    ),
    # softplus
    pair("activations", "softplus_textbook", "softplus_logaddexp", "softplus", ALL, "SC102", size=1),
    pair("activations", "softplus_threshold", "softplus_reflected", "softplus", WIDE, "SC201", size=1),
    pair("activations", "softplus_without_log1p", "softplus_with_log1p", "softplus", ALL, "SC103", size=1),
    # losses
    pair("losses", "one_hot_loss", "fused_loss", "cross_entropy", ALL, "SC101", size=4),
    pair("losses", "clipped_loss", "fused_loss", "cross_entropy", ALL, "SC102 SC201", size=3),
    pair("losses", "bce_right_branch", "bce_two_branches", "bce_with_logits", ALL, "SC102 SC201"),
    pair("losses", "bce_softplus", "bce_two_branches", "bce_with_logits", ALL, "SC201"),
    pair("losses", "bce_eps", "bce_both_tails", "bce_with_logits", ALL, "SC101 SC201"),
    pair("losses", "log_loss", "log_loss_selected", "binary_cross_entropy", ALL, "SC101"),
    pair("losses", "relative_entropy", "relative_entropy_safe", "kl_divergence", ALL, "SC101"),
    # (In float16 the eps tells among subnormal weights only, which no distribution consists of.)
    pair("losses", "entropy_eps", "entropy_safe", "entropy", (*WIDE, BFLOAT16), "SC201", size=3),
    pair("losses", "relative_entropy", "relative_entropy_masked", "kl_divergence", ALL, "SC101"),
    pair("losses", "entropy_eps", "entropy_masked", "entropy", (*WIDE, BFLOAT16), "SC201", size=3),
    # gradients
    pair("gradients", "sigmoid_backward", "sigmoid_backward_mirrored", "sigmoid_grad", ALL, "SC103 SC201"),
    pair(
        "gradients",
        "softmax_backward_diagonal",
        "softmax_backward",
        "softmax_vjp",
        ALL,
        "SC201",
        size=4,
    ),
    pair(
        "gradients",
        "log_softmax_backward_through_p",
        "log_softmax_backward",
        "log_softmax_vjp",
        ALL,
        "SC101 SC102",
        size=4,
    ),
    pair("gradients", "bce_backward_eps", "bce_backward", "bce_with_logits_grad", ALL, "SC101 SC201"),
    pair(
        "gradients",
        "bce_backward",
        "bce_backward_two_sided",
        "bce_with_logits_grad",
        WIDE,
        "SC202",
        level="accurate",
    ),
    pair(
        "gradients",
        "cross_entropy_backward",
        "cross_entropy_backward_others",
        "cross_entropy_grad",
        WIDE,
        "SC202",
        size=3,
        level="accurate",
    ),
]


def function(module: str, name: str):
    """The function of that name in tests/quality/functions."""
    spec = importlib.util.spec_from_file_location(f"quality_{module}", FUNCTIONS / f"{module}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, name)


def codes_by_format(report) -> Mapping[str, set[str]]:
    """The codes that were asked for, per format."""
    return {cell.dtype: {finding.code for finding in cell.findings if finding.asked} for cell in report.cells}


def check(pair: Pair, name: str, dtypes: tuple[str, ...], seed: int):
    return stabcheck.check(
        function(pair.module, name), pair.op, dtypes=dtypes, level=pair.level, seed=seed, name=name
    )


def assert_caught(pair: Pair, dtypes: tuple[str, ...], seed: int) -> None:
    report = check(pair, pair.broken, dtypes, seed)
    found = codes_by_format(report)
    missed = {dtype: found[dtype] for dtype in dtypes if not found[dtype] & pair.codes}
    assert missed == {}, f"codes found where one of {sorted(pair.codes)} was expected:\n{report}"
    sizes = {
        (finding.dtype, finding.code): example_size(finding.minimal)
        for finding in report.findings
        if finding.code in pair.codes
    }
    smallest = {dtype: min(n for (d, _), n in sizes.items() if d == dtype) for dtype in dtypes}
    large = {dtype: n for dtype, n in smallest.items() if n > pair.size}
    assert large == {}, f"minimal input of more than {pair.size} numbers:\n{report}"


def assert_silent(pair: Pair, dtypes: tuple[str, ...], seed: int) -> None:
    report = check(pair, pair.fixed, dtypes, seed)
    assert codes_by_format(report) == {dtype: set() for dtype in dtypes}, str(report)
    assert [cell.dtype for cell in report.cells if cell.state != "judged"] == []


@pytest.mark.quality
@pytest.mark.parametrize("place", range(len(PAIRS)), ids=lambda place: PAIRS[place].broken)
def test_broken_function_is_caught_and_shrunk(place):
    """The planted defect shows, at a minimal input of a few numbers."""
    pair = PAIRS[place]
    assert_caught(pair, (pair.caught[place % len(pair.caught)],), seed=place % 5)


@pytest.mark.quality
@pytest.mark.parametrize("place", range(len(PAIRS)), ids=lambda place: PAIRS[place].fixed)
def test_fixed_function_is_silent(place):
    """The fix shows nothing."""
    assert_silent(PAIRS[place], (ALL[place % len(ALL)],), seed=place % 5)


@pytest.mark.quality
@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_told_apart_in_all_formats(pair, seed):
    """In every format that applies, the defect shows and the fix shows nothing."""
    assert_caught(pair, pair.caught, seed)
    assert_silent(pair, ALL, seed)
