"""Reading the predictions of a test, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from longtail_det.restricted_pickle import load_plain_pickle

from .lvis.predicted_columns import is_id
from .result_arrays import read_result_arrays


class _PickledMask(dict[str, Any]):
    """What stands in a pickle of an encoded mask of ours, which is a dict with attributes."""


_OURS = {('longtail_det.models.mask_heads.encoded_masks', 'EncodedMask'): _PickledMask}


def read_predicted_images(path: str | Path) -> list[dict[str, Any]]:
    """Read what `longtail-det test --out` wrote as .npz or .pkl, or mmdet's DumpDetResults; nothing in it is run.

    Args:
        path: the file; a name that ends in .npz is one of arrays, any other a pickle of containers, arrays and tensors.

    Returns:
        A dict for each image, with `img_id`, `pred_instances` and, where the writer knew them, `category_ids`.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: neither, one cut short, or something else in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'results file not found: {path}')
    if path.suffix == '.npz':
        return read_result_arrays(path)
    images = load_plain_pickle(path, _OURS)
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ValueError(
            f'{path} holds a {type(images).__name__}; expected the list of images that tools/test.py --out writes'
        )
    for image in images:
        _check_category_ids(image, path)
        masks = image['pred_instances'].get('masks') if isinstance(image.get('pred_instances'), dict) else None
        if isinstance(masks, list) and any(isinstance(mask, _PickledMask) for mask in masks):
            image['pred_instances']['masks'] = [dict(mask) if isinstance(mask, Mapping) else mask for mask in masks]
    return images


def _check_category_ids(image: dict[str, Any], path: Path) -> None:
    """Leave out that there are none, and raise where they are no ids."""
    ids = image.get('category_ids', ())
    if ids is None:
        del image['category_ids']
    elif not isinstance(ids, list | tuple | np.ndarray) or not all(is_id(each) for each in ids):
        raise ValueError(f'{path} has category_ids={ids!r:.80}; expected the category id of each label, whole numbers')
