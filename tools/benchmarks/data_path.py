"""What instance masks cost on their way from the annotation to the targets of a mask head, mmdet's beside ours.

Two images of 640 x 480 pixels with 14 polygons each. mmdet's path is `LoadAnnotations(with_mask=True)`, ours
`LoadDeferredMasks`. Every row is one run on one machine, the candidates taking turns; read the ratios:

    pipeline      the loader of annotations, RandomChoiceResize (640 to 800), RandomFlip, PackDetInputs; image work
                  alone is the same without a loader, boxes alone with boxes and labels only
    pickle        the masks of both images there and back, as between the processes of a data loader
    preprocess    DetDataPreprocessor with pad_mask=True; image work alone is the same samples without masks
    mask targets  `crop_and_resize` of 256 RoIs at 28 x 28 as mmdet's mask heads call it, on masks of a fresh batch,
                  which ours decodes

The targets of both paths are compared before they are timed.

Example:
    python tools/benchmarks/data_path.py --rounds 15
"""

from __future__ import annotations

import argparse
import copy
import pickle
import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

# isort: split
import cv2
import numpy as np
import torch
from harness import Step, machine, markdown_table, peak_memory, time_side_by_side, use_one_core
from lvis_like import HEIGHT, WIDTH, LVISLike
from mmdet.registry import MODELS, TRANSFORMS
from mmdet.structures.mask import mask_target
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from torch import Tensor

LOADERS: dict[str, list[dict[str, Any]]] = {
    'mmdet': [dict(type='LoadAnnotations', with_bbox=True, with_mask=True)],
    'ours': [dict(type='LoadDeferredMasks', with_bbox=True, with_mask=True)],
    'boxes alone': [dict(type='LoadAnnotations', with_bbox=True)],
    'image work alone': [],
}
AUGMENTATIONS = [
    dict(type='RandomChoiceResize', scales=[(1333, side) for side in range(640, 801, 32)], keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
NUM_IMAGES, NUM_OBJECTS, NUM_ROIS = 2, 14, 256


def draw_items() -> list[dict[str, Any]]:
    """Images of noise with objects of LVIS's sizes, as they leave LoadImageFromFile."""
    rng = np.random.default_rng(0)
    shapes = LVISLike(num_images=NUM_IMAGES, num_classes=1203, num_detections=0).shapes
    items = []
    for image in range(NUM_IMAGES):
        rows = rng.integers(len(shapes.polygons), size=NUM_OBJECTS).tolist()
        x, y, width, height = shapes.boxes[rows, 0].T
        corners = np.stack([x, y, x + width, y + height], axis=1).tolist()
        instances = [
            dict(bbox=box, bbox_label=row % 1203, ignore_flag=0, mask=[shapes.polygons[row]])
            for row, box in zip(rows, corners, strict=True)
        ]
        pixels = rng.integers(256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)
        size = (HEIGHT, WIDTH)
        items.append(dict(img=pixels, img_id=image, img_path='', img_shape=size, ori_shape=size, instances=instances))
    return items


def run_pipeline(pipeline: Compose, items: list[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """Give the training samples; pipelines make the same random choices."""
    random.seed(seed)
    np.random.seed(seed)
    return [pipeline(dict(item, instances=[dict(instance) for instance in item['instances']])) for item in items]


def draw_rois(samples: list[dict[str, Any]]) -> tuple[list[Tensor], list[Tensor]]:
    """Positive RoIs near the objects of each image, and the object of each."""
    generator = torch.Generator().manual_seed(0)
    boxes, owners = [], []
    for sample in samples:
        owner = torch.randint(NUM_OBJECTS, (NUM_ROIS // NUM_IMAGES,), generator=generator)
        box = sample['data_samples'].gt_instances.bboxes.tensor[owner]
        size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        boxes.append(box + 0.05 * size * torch.randn(box.shape, generator=generator))
        owners.append(owner)
    return boxes, owners


def masks_of(samples: list[dict[str, Any]]) -> list[Any]:
    """The masks of each image."""
    return [sample['data_samples'].gt_instances.masks for sample in samples]


def compute_targets(masks: bytes, boxes: list[Tensor], owners: list[Tensor]) -> Tensor:
    """Targets of masks that have just arrived from a data loader."""
    return mask_target(boxes, owners, pickle.loads(masks), ConfigDict(mask_size=28))


def peak_of(step: Step) -> float:
    """MiB that numpy and torch hold at the peak of a step; one of the two allocates nearly all of it."""
    tracemalloc.start()
    step()
    numpy_peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (numpy_peak + peak_memory(step, 'cpu')) / 2**20


def pipeline_row(items: list[dict[str, Any]], rounds: int) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
    """Row of the pipeline, and the samples of each loader."""
    pipelines = {
        name: Compose([TRANSFORMS.build(transform) for transform in [*loader, *AUGMENTATIONS]])
        for name, loader in LOADERS.items()
    }
    steps = {name: lambda pipeline=pipeline: run_pipeline(pipeline, items) for name, pipeline in pipelines.items()}
    seconds = time_side_by_side(steps, rounds=rounds, device='cpu')
    samples = {name: run_pipeline(pipeline, items) for name, pipeline in pipelines.items()}
    return milliseconds('pipeline', seconds), samples


def preprocess_row(samples: dict[str, list[dict[str, Any]]], rounds: int) -> list[str]:
    """Row of the data preprocessor."""
    preprocessor = MODELS.build(
        dict(
            type='DetDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
            pad_mask=True,
            pad_size_divisor=32,
        )
    )
    steps = {
        name: lambda batch=batch: preprocessor(pseudo_collate(copy.copy(batch)), training=True)
        for name, batch in (
            ('mmdet', samples['mmdet']),
            ('ours', samples['ours']),
            ('image work alone', samples['boxes alone']),
        )
    }
    return milliseconds('preprocess', time_side_by_side(steps, rounds=rounds, device='cpu'))


def mask_rows(samples: dict[str, list[dict[str, Any]]], rounds: int) -> list[list[str]]:
    """Rows of pickling and of the mask targets."""
    masks = {name: masks_of(samples[name]) for name in ('mmdet', 'ours')}
    pickles = {name: pickle.dumps(value, pickle.HIGHEST_PROTOCOL) for name, value in masks.items()}
    boxes, owners = draw_rois(samples['ours'])
    targets = {name: compute_targets(data, boxes, owners) for name, data in pickles.items()}
    differing = int((targets['mmdet'] != targets['ours']).sum())
    if differing > 1e-5 * targets['ours'].numel():
        raise RuntimeError(f'{differing} of {targets["ours"].numel()} pixels of the targets differ')
    there_and_back: dict[str, Step] = {
        name: lambda value=value: pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        for name, value in masks.items()
    }
    compute: dict[str, Step] = {
        name: lambda data=data: compute_targets(data, boxes, owners) for name, data in pickles.items()
    }
    seconds = time_side_by_side(there_and_back, rounds=rounds, device='cpu')
    copying = milliseconds('pickle', seconds, {name: f'{len(data) / 1e6:.3f} MB' for name, data in pickles.items()})
    seconds = time_side_by_side(compute, rounds=max(rounds // 5, 1), device='cpu')
    peaks = {name: f'{peak_of(step):.1f} MiB' for name, step in compute.items()}
    return [copying, milliseconds(f'mask targets ({differing} of {targets["ours"].numel()} differ)', seconds, peaks)]


def milliseconds(name: str, seconds: dict[str, float], notes: dict[str, str] | None = None) -> list[str]:
    """One row of the table."""
    cells = []
    for candidate in LOADERS:
        cell = f'{seconds[candidate] * 1e3:.2f}' if candidate in seconds else ''
        cells.append(f'{cell}, {notes[candidate]}' if notes and candidate in notes else cell)
    alone = seconds.get('image work alone')
    return [name, *cells, f'{seconds["ours"] / alone:.2f}' if alone else '']


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15, help='timed rounds; the median is printed')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    use_one_core()
    cv2.setNumThreads(1)
    init_default_scope('mmdet')
    items = draw_items()
    row, samples = pipeline_row(items, args.rounds)
    rows = [row, preprocess_row(samples, args.rounds), *mask_rows(samples, args.rounds)]
    print(f'{machine("cpu")}; times in ms')
    print(markdown_table(['step', *LOADERS, 'ours / image work alone'], rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
