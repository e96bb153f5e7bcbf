"""What resampling costs: the start-up of the dataset wrapper beside mmengine's ClassBalancedDataset.

The data are random labels of as many images, classes and instances as LVIS v1 has. All of one table comes from one run
on one machine, the candidates taking turns; read the ratios, not the times.

Example:
    python tools/benchmarks/resampling.py --num-images 100000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from harness import Step, machine, markdown_table, time_side_by_side
from mmengine.dataset import BaseDataset, ClassBalancedDataset
from mmengine.logging import MMLogger

from longtail_det.annotations import LabelIndex, Role
from longtail_det.datasets import RepeatFactorDataset

_CLASSES_PER_IMAGE = 3.6
_INSTANCES_PER_CLASS = 3.5
_ZIPF_EXPONENT = 1.25
_POLYGON_POINTS = 50  # about as many make LVIS v1's file as large as it is


class PlainDataset(BaseDataset):
    """A dataset as mmdet has them, with boxes and polygons: `get_cat_ids` unpickles the annotations of an image."""

    def __init__(self, index: LabelIndex, num_classes: int) -> None:
        self.index = index
        super().__init__(metainfo={'classes': tuple(map(str, range(num_classes)))})

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return every label with a box and a polygon."""
        box, polygon = [10.5, 20.5, 30.5, 40.5], np.linspace(0, 99, 2 * _POLYGON_POINTS).round(2).tolist()
        instances = [
            {'ignore_flag': 0, 'bbox': [*box], 'bbox_label': c, 'mask': [[*polygon]]}
            for c in self.index.labels.tolist()
        ]
        bounds = self.index.offsets.tolist()
        return [
            {
                'img_id': i,
                'img_path': f'train2017/{i:012d}.jpg',
                'height': 480,
                'width': 640,
                'instances': instances[a:b],
            }
            for i, (a, b) in enumerate(pairwise(bounds))
        ]

    def get_cat_ids(self, idx: int) -> list[int]:
        """As in mmdet's BaseDetDataset."""
        return [instance['bbox_label'] for instance in self.get_data_info(idx)['instances']]


class IndexedDataset(PlainDataset):
    """The same with the label index of LVISDataset."""

    @property
    def labels_per_image(self) -> list[Any]:
        """As in LVISDataset."""
        return self.index.unique_labels()

    def get_cat_ids(self, idx: int) -> list[int]:
        """As in LVISDataset."""
        return self.index.labels_of(idx).tolist()


def lvis_like_labels(num_images: int, num_classes: int) -> LabelIndex:
    """Return random labels with the long tail of LVIS: few classes an image, several instances of each."""
    generator = np.random.default_rng(0)
    share = np.arange(1, num_classes + 1) ** -_ZIPF_EXPONENT
    classes = 1 + generator.poisson(_CLASSES_PER_IMAGE - 1, num_images)
    labels = generator.choice(num_classes, size=classes.sum(), p=share / share.sum())
    instances = generator.geometric(1 / _INSTANCES_PER_CLASS, len(labels))
    per_image = np.add.reduceat(instances, np.cumsum(classes) - classes)
    flat = np.repeat(labels, instances).astype(np.int32)
    roles = np.full(len(flat), Role.INSTANCE, dtype=np.uint8)
    offsets = np.concatenate([[0], np.cumsum(per_image)])
    return LabelIndex(flat, roles, offsets, rows=np.arange(len(flat)), image_rows=np.arange(num_images))


def startup_table(args: argparse.Namespace) -> str:
    """Return the table of times to wrap a dataset that is already loaded."""
    index = lvis_like_labels(args.num_images, args.num_classes)
    plain, indexed = PlainDataset(index, args.num_classes), IndexedDataset(index, args.num_classes)
    steps: dict[str, Step] = {
        'RepeatFactorDataset(LVISDataset)': lambda: RepeatFactorDataset(indexed),
        'ClassBalancedDataset(LVISDataset)': lambda: ClassBalancedDataset(indexed, 1e-3),
        "RepeatFactorDataset(mmdet's)": lambda: RepeatFactorDataset(plain),
        "ClassBalancedDataset(mmdet's)": lambda: ClassBalancedDataset(plain, 1e-3),
    }
    ours, *_, reference = steps
    seconds = time_side_by_side(steps, rounds=args.rounds, device='cpu')
    rows = [
        [name, f'{value:.3f}', f'{seconds[ours] / value:.4f}', f'{value / seconds[reference]:.4f}']
        for name, value in seconds.items()
    ]
    head = (
        f'Start-up of the wrapper: {args.num_images} images, {len(index.labels)} instances of {args.num_classes} '
        f'classes, {RepeatFactorDataset(indexed).repeat_factors.max():.1f} the largest factor, '
        f'median of {args.rounds} rounds'
    )
    table = markdown_table(['wrapper(dataset)', 's', 'first row / it', f'it / {reference}'], rows)
    return f'{head}\n{table}'


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    'startup': startup_table,
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='tables to print')
    parser.add_argument('--num-images', type=int, default=100_000, help='images of the dataset')
    parser.add_argument('--num-classes', type=int, default=1203, help='foreground classes')
    parser.add_argument('--rounds', type=int, default=1, help='timed rounds; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and return the exit code."""
    args = build_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    MMLogger.get_instance('benchmark', log_level='WARNING')
    print(machine('cpu'))
    for part in args.parts:
        print(f'\n{PARTS[part](args)}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
