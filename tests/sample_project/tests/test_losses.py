import pytest
from samplepkg.losses import softmax, softmax_naive


def test_fixture(assert_stable):
    report = assert_stable(softmax, "softmax", dtypes=("float32",))
    assert report.ok


def test_fixture_fails(assert_stable):
    assert_stable(softmax_naive, "softmax", dtypes=("float32",))


@pytest.mark.stabcheck(op="softmax", dtypes=("float64",))
def test_marker_sets_the_fixture(assert_stable):
    assert_stable(softmax)


@pytest.mark.stabcheck(target="samplepkg.losses:softmax", op="softmax")
def test_marker_checks():
    pass


@pytest.mark.stabcheck(target=softmax_naive, op="softmax", dtypes=("float16",))
def test_marker_fails():
    pass


@pytest.mark.stabcheck(target=softmax_naive, op="sotfmax")
def test_marker_is_wrong():
    pass
