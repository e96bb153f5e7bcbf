"""The configs of the repository and what their metafiles say, read once for all tests."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from mmdet.registry import MODELS
from mmengine.config import Config

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs'
ALL = sorted(path for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts)
FAMILIES = sorted({path.parent.name for path in ALL})
PATH_OF = {path.stem: path for path in ALL}
METAFILES = {family: yaml.safe_load((CONFIGS / family / 'metafile.yml').read_text()) for family in FAMILIES}
MODEL_OF = {model['Name']: model for metafile in METAFILES.values() for model in metafile['Models']}


def load(path: Path) -> Config:
    """A config of its own for each caller; reading one takes tens of milliseconds."""
    return copy.deepcopy(_read(path))


@functools.cache
def _read(path: Path) -> Config:
    return Config.fromfile(path)


def build(model_cfg: Any) -> torch.nn.Module:
    """The model without its parameters, nor their download; Swin asks for values while it is built."""
    model_cfg.backbone.init_cfg = None
    with torch.device('cpu' if model_cfg.backbone.type == 'SwinTransformer' else 'meta'):
        return MODELS.build(model_cfg)


def stages(heads: Any) -> list[Any]:
    """A head, the heads of the stages, or none, as a list; of a config or of a model."""
    if heads is None:
        return []
    return list(heads) if isinstance(heads, list | tuple | torch.nn.ModuleList) else [heads]


def innermost(dataset: Any) -> Any:
    """The dataset config inside its wrappers."""
    return innermost(dataset.dataset) if 'dataset' in dataset else dataset


def leaves(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    """Dotted path and value of whatever is no container."""
    items = node.items() if isinstance(node, dict | Config) else enumerate(node) if isinstance(node, list) else None
    if items is None:
        yield path, node
        return
    for key, value in items:
        yield from leaves(value, f'{path}.{key}' if path else str(key))
