"""Reading the predictions of a test, image by image."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any


def read_predicted_images(path: str | Path) -> list[dict[str, Any]]:
    """Read the pickle of `longtail-det test --out` or of mmdet's DumpDetResults.

    Args:
        path: the file; unpickling runs code, so read only files of your own.

    Returns:
        A dict for each image, with `img_id`, `pred_instances` and, where the writer knew them, `category_ids`.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: no pickle, one cut short, or something else in it.
    """
    try:
        with open(path, 'rb') as stream:
            images = pickle.load(stream)
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f'{path} is no pickle, or was cut short ({error})') from None
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ValueError(
            f'{path} holds a {type(images).__name__}; expected the list of images that tools/test.py --out writes'
        )
    return images
