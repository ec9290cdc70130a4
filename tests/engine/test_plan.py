"""The plan: what shares its inputs and its truth, and what cannot be planned."""

import numpy as np
import pytest

from stabcheck import ops
from stabcheck.engine.plan import catalogue_tasks, plan
from stabcheck.engine.pool import portable, worker_count
from stabcheck.engine.request import DEFAULT_EXAMPLES, Request, Task
from stabcheck.errors import UsageError
from stabcheck.oracle.ladder import Oracle


def softmax(x):
    return x


def task(op="softmax", name=None, **settings):
    return Task(softmax, op, Request(**settings), name)


def test_cells_with_the_same_draws_are_one_group():
    """Two targets of one op, options, format and effort share a truth; another seed or format does not."""
    together = plan([task(name="a"), task(name="b")])
    assert [("float32", 2), ("float64", 2)] == [(g.format.name, len(g.cells)) for g in together.groups]
    apart = plan([task(name="a", dtypes=("float32",)), task(name="b", dtypes=("float32",), seed=1),
                  task(name="c", dtypes=("float32",), gate_factor=2.0)])  # fmt: skip
    assert [1, 1, 1] == [len(g.cells) for g in apart.groups]


def test_the_order_is_that_of_the_tasks():
    """Cells of one task stand together, formats as asked."""
    order = plan([task(name="b"), task(name="a", dtypes=("float16",))]).order
    assert [("b", "float32"), ("b", "float64"), ("a", "float16")] == [(k[0], k[3]) for k in order]


def test_the_truth_of_a_block_is_made_once_per_group(monkeypatch):
    """However many implementations are judged by it."""
    made = []
    first_rung = Oracle.truth
    monkeypatch.setattr(
        Oracle, "truth", lambda self, inputs: made.append(len(inputs)) or first_rung(self, inputs)
    )
    from stabcheck.engine.run import run

    def stable(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def count(targets):
        made.clear()
        asked = Request(dtypes=("float64",), max_examples=100, max_classes=8, specials="finite")
        list(run([Task(stable, "softmax", asked, f"target {i}") for i in range(targets)]))
        return len(made)

    one, three = count(1), count(3)
    assert three < 2 * one


def test_options_are_part_of_a_cell():
    """Canonical: defaults are left out."""
    keys = plan(
        [task("cross_entropy", options={"reduction": r}, dtypes=("float32",)) for r in ("mean", "sum")]
    ).order
    assert ["", "reduction=sum"] == [k[2] for k in keys]


def test_grad_judges_the_gradient_op_as_well():
    """Of the same target; an op without one is an error."""
    planned = plan([task("logsumexp", grad=True, dtypes=("float32",))])
    assert ["logsumexp", "logsumexp_grad"] == [g.op.name for g in planned.groups]
    assert [None, "logsumexp"] == [g.cells[0].forward and g.cells[0].forward.name for g in planned.groups]
    with pytest.raises(UsageError, match="no gradient"):
        plan([task("entropy", grad=True)])


def test_the_effort_is_a_count():
    """The default per cell, or what was asked."""
    assert [2 * DEFAULT_EXAMPLES, 14] == [plan([t]).examples for t in (task(), task(max_examples=7))]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"op": "softmx"}, "softmax"),
        ({"dtypes": ("float31",)}, "float32"),
        ({"options": {"axs": 0}}, "axis"),
        ({"arguments": ("logits",)}, "logits"),
        ({"max_examples": 0}, "max_examples=0"),
        ({"max_classes": 0}, "max_classes=0"),
        ({"range": (1.0, 1.0)}, "range"),
        ({"gate_factor": 0.0}, "gate_factor"),
    ],
)
def test_what_cannot_be_planned(settings, named):
    """UsageError with the value and what would be right."""
    with pytest.raises(UsageError, match=named):
        plan([task(**settings)])


def test_the_catalogue_has_every_implementation_with_its_grades():
    """Of all ops, or of those named; unknown ones are errors."""
    everything = catalogue_tasks(Request())
    assert {t.op for t in everything} <= set(ops.names())
    assert all(t.declared for t in everything)
    assert {"softmax"} == {t.op for t in catalogue_tasks(Request(), ["softmax"])}
    with pytest.raises(UsageError):
        catalogue_tasks(Request(), ["softmx"])


def test_what_a_worker_can_be_given():
    """Targets with a name travel by it; closures stay."""
    importable = plan([Task("math:tanh", "tanh", Request(dtypes=("float64",)), "t")]).groups[0]
    assert ["math:tanh"] == [t.target for t in portable(importable)]
    local = plan([Task(lambda x: x, "tanh", Request(dtypes=("float64",)), "t")]).groups[0]
    assert portable(local) is None
    assert [1, 3] == [worker_count(0), worker_count("3")]
    assert worker_count("auto") >= 1
