"""Every bad image is one line that names its file, in a loader worker too."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.utils.data import DataLoader

from longtail_det.checks import InputError
from longtail_det.cli.errors import describe
from longtail_det.datasets import LVISDataset

from ..annotation_files import HEIGHT, WIDTH, good_records, image

PIXELS = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
JPEG, PNG = (cv2.imencode(suffix, PIXELS)[1].tobytes() for suffix in ('.jpg', '.png'))
#: name -> (content of the file, what the line says)
IMAGES = {
    '0 bytes': (b'', 'the file is empty'),
    'text': (b'no image', 'no decoder knows its format'),
    'jpeg of 2 bytes': (JPEG[:2], 'no decoder knows its format, or it was cut short'),
    'jpeg cut': (JPEG[: len(JPEG) // 2], 'cut short'),
    'jpeg without its last bytes': (JPEG[:-30], 'was cut short'),
    'png cut': (PNG[: len(PNG) // 2], 'cut short'),
    '1 x 1': (cv2.imencode('.png', PIXELS[:1, :1])[1].tobytes(), 'has 1x1 pixels, expected the 80x60'),
    'rotated': (cv2.imencode('.png', PIXELS.transpose(1, 0, 2))[1].tobytes(), 'has 60x80 pixels, expected the 80x60'),
    'resized': (cv2.imencode('.png', PIXELS[:50, :70])[1].tobytes(), 'has 70x50 pixels, expected the 80x60'),
    'missing': (None, 'No such file or directory'),
}


def image_dataset(folder: Path, content: bytes | None) -> LVISDataset:
    """Return a dataset of a good image and one of this content."""
    records = {**good_records(), 'images': [image(number, 'coco') for number in (1, 2)]}
    (folder / 'train.json').write_text(json.dumps(records))
    (folder / f'{1:012d}.jpg').write_bytes(JPEG + b'what a camera adds')
    path = folder / f'{2:012d}.jpg'
    path.write_bytes(b'' if content is None else content)
    dataset = LVISDataset(
        ann_file='train.json', data_root=str(folder), pipeline=[{'type': 'LoadImageFromFile'}], store=False
    )
    if content is None:
        path.unlink()
    return dataset


@pytest.mark.parametrize('name', IMAGES)
def test_images(name, tmp_path):
    content, wanted = IMAGES[name]
    dataset = image_dataset(tmp_path, content)
    assert dataset[0]['img'].shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(InputError) as caught:
        dataset[1]
    assert wanted in str(caught.value)
    assert f'{2:012d}.jpg' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_an_image_in_a_worker_is_one_line_too(tmp_path):
    dataset = image_dataset(tmp_path, JPEG[:200])
    with pytest.raises(InputError) as caught:
        list(DataLoader(dataset, num_workers=1, collate_fn=len))
    line = describe(caught.value)
    assert line.startswith(str(tmp_path))
    assert 'cut short' in line
