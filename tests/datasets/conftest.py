"""Tests of datasets after any other tests."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope='module', autouse=True)
def freeze_what_other_tests_left():
    """mmengine collects garbage for each dataset that it opens; with torch's compiler imported that takes 0.2 s."""
    gc.collect()
    gc.freeze()
