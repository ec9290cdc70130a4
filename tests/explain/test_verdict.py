"""Numbers in verdicts."""

import math

from stabcheck.explain.verdict import number, two_numbers


def test_two_numbers_have_the_digits_that_tell_them_apart():
    """Six, or as many as it takes; equal ones stay as they are."""
    assert ("1", "2") == two_numbers(1.0, 2.0)
    assert ("1", "0.9999999") == two_numbers(1.0, 0.9999999)
    assert ("1", "0.9999999999999999") == two_numbers(1.0, math.nextafter(1.0, 0.0))
    assert (number(0.1), number(0.1)) == two_numbers(0.1, 0.1)
