"""The definitions are short, and know nothing of their fast path."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from longtail_det.functional import losses

FILES = sorted(Path(losses.__file__).parent.glob('[a-z]*.py'))


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_a_definition_has_at_most_fifteen_lines(path):
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            assert body[-1].end_lineno - body[0].lineno < 15, f'{function.name} is too long'


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_a_definition_imports_no_kernel(path):
    assert 'kernels' not in path.read_text()
