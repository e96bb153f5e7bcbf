"""The folder of a reader: what the commands of the pages find there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pycocotools.mask as mask_utils
import pytest

from longtail_det.synthetic import PRESETS, make_glyphs

from .pages import ROOT


@pytest.fixture(scope='module')
def place(tmp_path_factory) -> Path:
    """A folder with annotations and results of a dozen classes under the names that the pages use."""
    folder = tmp_path_factory.mktemp('reader')
    for name in ('tools', 'docs', 'configs'):
        (folder / name).symlink_to(ROOT / name)
    make_glyphs(folder / 'small', PRESETS['tiny'])
    train, val = (folder / f'small/annotations/glyphs_{split}.json' for split in ('train', 'val'))
    lvis = folder / 'data/lvis_v1/annotations'
    lvis.mkdir(parents=True)
    for source, names in (
        (train, ('TRAIN.json', 'train.json', lvis / 'lvis_v1_train.json')),
        (val, ('VAL.json', lvis / 'lvis_v1_val.json')),
    ):
        for name in names:
            shutil.copy(source, folder / name)
    gt = json.loads(val.read_text())
    sizes = {image['id']: [image['height'], image['width']] for image in gt['images']}
    found = [detection(annotation, sizes[annotation['image_id']]) for annotation in gt['annotations']]
    for name in ('results.json', 'coco_instances_results.json'):
        (folder / name).write_text(json.dumps(found))
    return folder


def detection(annotation: dict, size: list[int]) -> dict:
    """Return a result record that finds an object."""
    mask = annotation['segmentation']
    if isinstance(mask, list):
        mask = mask_utils.merge(mask_utils.frPyObjects(mask, *size))
        mask['counts'] = mask['counts'].decode()
    record = {key: annotation[key] for key in ('image_id', 'category_id', 'bbox')}
    return record | {'segmentation': mask, 'score': 1 / (1 + annotation['id'] % 7)}
