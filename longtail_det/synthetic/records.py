"""Images and glyphs -> records of an LVIS v1 annotation file."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from longtail_det.statistics import ClassStatistics

from .characters import class_name
from .config import GlyphsConfig
from .folder import image_file
from .polygons import mask_to_polygons
from .rendering import SUBPIXELS, Glyph

_NOT_EXHAUSTIVE_SHARE = 0.02
_HOST = 'http://images.cocodataset.org'

Record = dict[str, Any]


def category_records(
    characters: Sequence[str], statistics: ClassStatistics, frequency: NDArray[np.str_]
) -> list[Record]:
    """Return an LVIS category of each character, its counts those of the training set.

    Args:
        characters: the character of each class index; category id = class index + 1.
        statistics: of the training set.
        frequency: (C,) group of each class.
    """
    return [
        {
            'id': c + 1,
            'name': class_name(char),
            'synset': f'{class_name(char)}.n.01',
            'synonyms': [class_name(char)],
            'def': f'{unicodedata.name(char).lower()} (U+{ord(char):04X})',
            'image_count': int(statistics.image_count[c]),
            'instance_count': int(statistics.instance_count[c]),
            'frequency': str(frequency[c]),
        }
        for c, char in enumerate(characters)
    ]


def image_record(
    image_id: int, split: str, classes: NDArray[np.int64], config: GlyphsConfig, rng: np.random.Generator
) -> Record:
    """Return the record of an image, with the federated fields of LVIS.

    Negatives are drawn from the classes that are truly absent. Each class on the image is declared not exhaustively
    annotated with a small probability, as on some images of LVIS, though its instances are all annotated.

    Args:
        image_id: unique over both splits.
        split: 'train' or 'val'.
        classes: (K,) class indices on the image, repeats allowed.
        config: of the dataset.
        rng: source of the draws.
    """
    present = np.unique(classes)
    absent = np.setdiff1d(np.arange(config.num_classes), present)
    negative = np.sort(rng.permutation(absent)[: round(config.negative_share * len(absent))])
    doubtful = present[rng.random(len(present)) < _NOT_EXHAUSTIVE_SHARE]
    return {
        'id': image_id,
        'width': config.image_size,
        'height': config.image_size,
        'coco_url': f'{_HOST}/{image_file(split, image_id)}',
        'neg_category_ids': (negative + 1).tolist(),
        'not_exhaustive_category_ids': (doubtful + 1).tolist(),
    }


def annotation_record(annotation_id: int, image_id: int, image_size: int, glyph: Glyph) -> Record:
    """Return the record of a glyph; area and box are those of the mask that pycocotools makes of its polygons."""
    polygons = mask_to_polygons(glyph.mask, SUBPIXELS, glyph.left, glyph.top)
    rle = coco_mask.merge(coco_mask.frPyObjects(polygons, image_size, image_size))
    return {
        'id': annotation_id,
        'image_id': image_id,
        'category_id': glyph.class_index + 1,
        'segmentation': polygons,
        'area': float(coco_mask.area(rle)),
        'bbox': coco_mask.toBbox(rle).tolist(),
    }
