"""Make a COCO dataset of 50 images with a long tail, the stand-in for your own data of docs/own_data.md.

    python docs/examples/make_own_data.py data/own

Writes images/*.png, train.json (40 images) and val.json (10 images): colored rectangles of 6 classes, of which the
first is on every training image and the last on two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLORS = ('crimson', 'gold', 'limegreen', 'deepskyblue', 'orchid', 'white')
#: training images of each class, of 40
COUNTS = (40, 20, 10, 5, 3, 2)
WIDTH, HEIGHT = 320, 240


def make_split(folder: Path, name: str, classes_of_images: list[list[int]], rng: np.random.Generator) -> None:
    """Draw the images of a split and write its annotation file."""
    images, annotations = [], []
    for image_id, classes in enumerate(classes_of_images, start=1):
        picture = Image.fromarray(rng.integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        for label in classes:
            w, h = (int(side) for side in rng.integers(30, 80, 2))
            x, y = int(rng.integers(WIDTH - w)), int(rng.integers(HEIGHT - h))
            ImageDraw.Draw(picture).rectangle((x, y, x + w - 1, y + h - 1), fill=COLORS[label])
            record = dict(id=len(annotations) + 1, image_id=image_id, category_id=label + 1)
            annotations.append(dict(record, bbox=[x, y, w, h], area=w * h, iscrowd=0))
        file_name = f'{name}_{image_id:03d}.png'
        picture.save(folder / 'images' / file_name)
        images.append(dict(id=image_id, file_name=file_name, width=WIDTH, height=HEIGHT))
    categories = [dict(id=label + 1, name=f'{color} box') for label, color in enumerate(COLORS)]
    records = dict(images=images, annotations=annotations, categories=categories)
    (folder / f'{name}.json').write_text(json.dumps(records))


def main(folder: str) -> None:
    """Write both splits into `folder`."""
    root, rng = Path(folder), np.random.default_rng(0)
    (root / 'images').mkdir(parents=True, exist_ok=True)
    train = [[label for label, count in enumerate(COUNTS) if image < count] for image in range(max(COUNTS))]
    make_split(root, 'train', train, rng)
    make_split(root, 'val', [list(range(len(COLORS)))] * 10, rng)


if __name__ == '__main__':
    main(*sys.argv[1:])
