import math

import pytest

import stabcheck
from stabcheck.errors import UsageError
from stabcheck.targets.marks import mark_of


def test_function_is_returned_unchanged_and_carries_its_mark():
    """The decorator notes op, options, kwargs and everything else, and gives the function back."""

    def mine(x):
        return x

    assert stabcheck.target("softmax", options={"axis": 0}, kwargs={"eps": 0}, level="accurate")(mine) is mine
    mark = mark_of(mine)
    assert ("softmax", {"axis": 0}, {"eps": 0}, {"level": "accurate"}) == (
        mark.op,
        mark.options,
        mark.kwargs,
        mark.settings,
    )


def test_what_is_not_marked_has_no_mark():
    """A function without the decorator has no mark."""
    assert mark_of(math.exp) is None


def test_decorator_without_an_op_says_how_to_write_it():
    """`@stabcheck.target` without parentheses is a usage error that shows the right form."""
    with pytest.raises(UsageError, match=r'@stabcheck\.target\(op="softmax"\)'):
        stabcheck.target(lambda x: x)


def test_builtin_functions_cannot_be_marked():
    """A function that takes no attributes is refused, with the way out."""
    with pytest.raises(UsageError, match="Wrap it"):
        stabcheck.target("sigmoid")(math.exp)
