import ml_dtypes
import numpy as np
import pytest

from stabcheck.targets.layouts import LAYOUTS, laid_out, same_bits

VALUES = np.array([[1.0, -0.0, np.nan], [4.0, np.inf, 6.0]])
DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 3), (6,), (1, 2, 3), (0, 3), (3, 0), ()])
def test_values_are_the_same_in_every_layout(layout, dtype, shape):
    """A fresh array with the same bits, whatever its shape and layout."""
    values = np.resize(VALUES, shape).astype(dtype)
    result = laid_out(values, layout)
    assert same_bits(values, result)
    assert not np.shares_memory(values, result)


def test_each_layout_is_what_it_says():
    """Strides and flags of each layout."""
    made = {layout: laid_out(VALUES, layout) for layout in LAYOUTS}
    assert made["C"].flags.c_contiguous
    assert made["F"].flags.f_contiguous
    assert made["strided"].strides[-1] == 2 * VALUES.itemsize
    assert not made["readonly"].flags.writeable
    assert made["C"].flags.writeable


def test_broadcast_has_stride_zero_where_values_repeat():
    """Rows that are all alike are one row in memory."""
    assert laid_out(np.tile([1.0, 2.0, 3.0], (4, 1)), "broadcast").strides[0] == 0
    assert laid_out(np.full((4, 3), 2.0), "broadcast").strides == (0, 0)


def test_what_lies_between_strided_elements_is_nan():
    """A target that ignores strides meets NaN."""
    assert np.isnan(laid_out(np.ones(3), "strided").base[1::2]).all()


def test_same_bits_tells_zeros_apart_and_nan_alike():
    """-0 is not +0; NaN equals itself."""
    assert not same_bits(np.array([0.0]), np.array([-0.0]))
    assert same_bits(np.array([np.nan]), np.array([np.nan]))
