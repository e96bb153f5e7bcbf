"""A copy of a function with other names leaves the function alone."""

from __future__ import annotations

import pytest

from longtail_det.adapters.host_functions import rebind

FACTOR = 2


def scaled(value, *, offset=1):
    return value * FACTOR + offset


def test_the_copy_has_its_own_names_and_the_defaults():
    assert rebind(scaled, FACTOR=10)(3) == 31
    assert rebind(scaled, FACTOR=10)(3, offset=0) == 30
    assert scaled(3) == 7


def test_a_name_that_the_function_does_not_use_is_another_release():
    with pytest.raises(RuntimeError, match=r"scaled does not use 'SCALE'.*docs/adapters\.md"):
        rebind(scaled, SCALE=1)
