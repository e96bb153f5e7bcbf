"""One tiny dataset for all tests that read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longtail_det.synthetic import PRESETS, GlyphsConfig, make_glyphs


@pytest.fixture(scope='session')
def tiny_config() -> GlyphsConfig:
    return PRESETS['tiny']


@pytest.fixture(scope='session')
def tiny_dir(tmp_path_factory, tiny_config) -> Path:
    out = tmp_path_factory.mktemp('glyphs') / 'tiny'
    make_glyphs(out, tiny_config, progress=False)
    return out


@pytest.fixture(scope='session')
def read_split(tiny_dir) -> Callable[[str], dict[str, Any]]:
    return lambda split: json.loads((tiny_dir / 'annotations' / f'glyphs_{split}.json').read_text())
