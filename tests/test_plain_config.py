"""A dumped config comes back as data; nothing else is taken, and nothing is run."""

from __future__ import annotations

import pytest

from longtail_det.plain_config import parse_plain_config


def test_what_mmengine_dumps_comes_back(tmp_path):
    config = pytest.importorskip('mmengine.config').Config
    content = {
        'model': {'type': 'X', 'scale': (8, -1), 'std': [1.5, -2e-3], 'none': None, 'flag': True},
        'names': {'a b': 1, 'class': [{'x': "it's"}, ()], 3: 'three'},
        'words': 'two\nlines \t "quoted" #',
        'nested': [{'deep': {'deeper': [(1, (2,)), {}]}}],
    }
    assert parse_plain_config(config(content).pretty_text) == content
    assert parse_plain_config('x = y = 1') == {'x': 1, 'y': 1}


@pytest.mark.parametrize(
    ('text', 'what'),
    [
        ('x = 1\nimport os', 'line 2, holds a statement of type Import'),
        ("x = __import__('os').system('true')", 'line 1, holds code'),
        ("x = dict(a=open('f'))", "holds code \\(open\\('f'\\)"),
        ('x = dict(**y)', 'holds code'),
        ('x = {**y}', 'holds code'),
        ('x = [y for y in z]', 'holds code'),
        ("x = f'{y}'", 'holds code'),
        ('x = dict if y else 1', 'holds code'),
        ('x = -y', 'holds code'),
        ('x.y = 1', r'the name x\.y'),
        ('x = y[0] = 1', r'the name y\[0\]'),
        ('x: dict = 1', 'statement of type AnnAssign'),
        ("_base_ = ['other.py']", 'the name _base_'),
        ("x = '{{ fileDirname }}'", 'a template in double braces'),
        ('with read_base():\n    from x import *', 'statement of type With'),
        ('x = (', 'is no dumped config'),
        ('x = ' + '[' * 500 + ']' * 500, 'is no dumped config'),
        ('x = {[]: 1}', 'is no dumped config'),
    ],
)
def test_anything_else_is_named(text, what):
    with pytest.raises(ValueError, match=what) as caught:
        parse_plain_config(text, 'c.py')
    assert '\n' not in str(caught.value)
    assert str(caught.value).startswith('c.py')
