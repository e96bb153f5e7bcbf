"""Which program wrote a checkpoint, and whether it is one that can be upgraded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longtail_det.restricted_pickle import load_plain_pickle

from ..checkpoint import load_from_local


def read_source(path: str | Path) -> Mapping[str, Any]:
    """Read a checkpoint file of either format: torch's, or (`.pkl`) a pickle of numpy arrays.

    Args:
        path: file on this machine.

    Raises:
        FileNotFoundError: no file of that name.
        ValueError: the file is cut short, holds what could run code, or no mapping.
    """
    is_pickle = Path(path).suffix in ('.pkl', '.pickle')
    content = (
        load_plain_pickle(path, encoding='latin1') if is_pickle else load_from_local(str(path), map_location='cpu')
    )
    if not isinstance(content, Mapping) or not content:
        found = 'nothing' if isinstance(content, Mapping) else f'a {type(content).__name__}'
        raise ValueError(f'{path} holds {found}; expected the mapping of weights that training saves')
    return content


def detect_source(checkpoint: Mapping[str, Any], path: str | Path) -> str:
    """Return which program wrote a checkpoint, by its version and the names in it.

    Args:
        checkpoint: what `read_source` gave.
        path: its file, for messages.

    Returns:
        'mmdet2' or 'detectron2'.

    Raises:
        ValueError: it needs no upgrade, its class 0 is the background, or it is of neither program.
    """
    names = [str(name).removeprefix('module.') for name in weights_of(checkpoint)]
    refusal = _refusal(checkpoint, names)
    if refusal:
        raise ValueError(f'{path} {refusal}')
    if any(name.startswith(('backbone.bottom_up.', 'proposal_generator.', 'roi_heads.')) for name in names):
        return 'detectron2'
    if any(name.startswith(('backbone.', 'neck.', 'rpn_head.', 'roi_head.')) for name in names):
        return 'mmdet2'
    shown = ', '.join(names[:3]) or 'nothing'
    raise ValueError(
        f'{path} is of neither mmdet 2.x nor detectron2: it holds {shown} and the like; expected names such as '
        'backbone.layer1.0.conv1.weight or backbone.bottom_up.res2.0.conv1.weight'
    )


def weights_of(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the mapping of names to weights inside a checkpoint, or the checkpoint itself where it is nothing else."""
    for key in ('state_dict', 'model', 'model_state', 'blobs'):
        if isinstance(checkpoint.get(key), Mapping):
            return checkpoint[key]
    return checkpoint


def _refusal(checkpoint: Mapping[str, Any], names: list[str]) -> str | None:
    meta = checkpoint.get('meta')
    meta = meta if isinstance(meta, Mapping) else {}
    version = str(meta.get('mmdet_version', ''))
    heads = [name for name in names if name.startswith(('bbox_head.', 'mask_head.'))]
    two_stage = any(name.startswith('rpn_head.') for name in names)
    if 'mmengine_version' in meta or version.startswith('3.'):
        return 'is of mmdet 3.x already; give it to tools/test.py as it is'
    if version.startswith(('0.', '1.')) or (heads and two_stage):
        return (
            f'is of mmdet {version or "1.x"}, whose class 0 is the background; bring it to 2.x first with '
            "mmdet's tools/model_converters/upgrade_model_version.py"
        )
    if any(name.startswith(('backbone.body.', 'rpn.head.')) for name in names):
        return 'is of maskrcnn-benchmark, whose class 0 is the background; only mmdet 2.x and detectron2 are converted'
    if 'blobs' in checkpoint or any('_branch2a_' in name for name in names):
        return 'is of Caffe2 (Detectron), whose class 0 is the background; load it in detectron2 and save it there'
    return None
