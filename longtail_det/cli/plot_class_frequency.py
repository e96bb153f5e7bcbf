"""Draw how often each class is seen in an epoch, before and after resampling: images above, instances below.

Image-level resampling is that of RepeatFactorDataset (RFS, or IRFS with --mode instance). With --rio-replay N the
lower panel adds object-level resampling (RIO): a step of one process whose images show a target class replays N stored
features of it. Drawn is what that comes to in an epoch of images in random order, once the banks are filled; an
instance and a replayed feature both count as one sample, though a training step takes several RoIs of an instance.

Counted are all annotations but crowd regions and ignored ones, on the images that hold any of them.

Example:
    longtail-det plot-class-frequency --ann data/lvis_v1/annotations/lvis_v1_train.json --out freq.png
    longtail-det plot-class-frequency --ann data/glyphs/annotations/glyphs_train.json --out freq.png \\
        --oversample-thr 0.033 --rio-replay 20
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import BadRecords, LabelIndex, index_instances, read_annotation_file
from longtail_det.statistics import (
    FREQUENCY_GROUPS,
    REPLAY_MAX_IMAGES,
    RESAMPLING_MODES,
    ClassStatistics,
    Epoch,
    Resampling,
    expected_replays,
    replay_classes,
)

from .arguments import CommandParser, numeric
from .errors import one_line_errors, user_errors
from .outputs import check_output

Counts = NDArray[np.float64]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        '--ann', required=True, metavar='TRAIN.json', help='LVIS or COCO annotations, or a folder of YOLO labels'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='PNG', help='file to write')
    parser.add_argument(
        '--oversample-thr', type=numeric(0, 1), default=1e-3, help='threshold of RFS (default: %(default)s)'
    )
    parser.add_argument('--mode', choices=RESAMPLING_MODES, default='image', help='RFS (image) or IRFS (instance)')
    parser.add_argument(
        '--rounding', choices=['ceil', 'stochastic'], default='ceil', help='of repeat factors (default: %(default)s)'
    )
    parser.add_argument(
        '--rio-replay',
        type=numeric(0, is_whole=True),
        default=0,
        metavar='N',
        help='features replayed at a time; 0: no RIO',
    )
    parser.add_argument(
        '--rio-max-images',
        type=numeric(0, is_whole=True),
        default=REPLAY_MAX_IMAGES,
        help='with --rio-replay: most images of a target class (default: %(default)s)',
    )
    parser.add_argument(
        '--images-per-step',
        type=numeric(1, is_whole=True),
        default=2,
        help='with --rio-replay: images that a process sees in a step (default: %(default)s)',
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    check_output('--out', args.out, ('.png',))
    from longtail_det.visualization import figure_png, plot_resampling  # matplotlib, which --help does without

    with user_errors():
        index, names = read_labels(args.ann)
        stats, epoch, samples = resample(index, names, args)
        figure = plot_resampling(stats, epoch.images, epoch.instances, samples)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_bytes(figure_png(figure))
    print(f'{summary(stats, epoch, samples)}\nfigure: {args.out}')
    return 0


def read_labels(path: str) -> tuple[LabelIndex, tuple[str, ...]]:
    """Read the labels of all instances on the images that hold any, and the class names."""
    bad = BadRecords(path)
    file = read_annotation_file(path, bad, show_progress=True)
    bad.settle('skip')
    try:
        index = index_instances(file)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    return index, tuple(category['name'] for category in file.categories)


def resample(
    index: LabelIndex, names: tuple[str, ...], args: argparse.Namespace
) -> tuple[ClassStatistics, Epoch, Counts | None]:
    """Compute the classes of the data and of an epoch, and the samples of each class with replayed features."""
    stats = index.statistics(names)
    resampling = Resampling(index.labels, index.offsets, stats)
    repeats = resampling.image_factors(args.oversample_thr, args.mode)
    epoch = resampling.epoch(np.ceil(repeats) if args.rounding == 'ceil' else repeats)
    return stats, epoch, with_replay(stats.image_count, epoch, args) if args.rio_replay else None


def with_replay(image_count: NDArray[np.int64], epoch: Epoch, args: argparse.Namespace) -> Counts:
    """Return the instances of an epoch, with the replayed features of the target classes."""
    targets = replay_classes(image_count, args.rio_max_images)
    replayed = expected_replays(
        epoch.images, epoch.length, replay=args.rio_replay, images_per_step=args.images_per_step
    )
    samples = epoch.instances.copy()
    samples[targets] += replayed[targets]
    return samples


def summary(stats: ClassStatistics, epoch: Epoch, samples: Counts | None) -> str:
    """Return a table of the sums by frequency group."""
    header = ['group', 'classes', 'images', 'images after', 'instances', 'instances after']
    columns: list[Any] = [stats.image_count, epoch.images, stats.instance_count, epoch.instances]
    if samples is not None:
        header.append('with replay')
        columns.append(samples)
    rows = [header]
    for group, classes in stats.groups.items():
        sums = (f'{column[classes].sum():.0f}' for column in columns)
        rows.append([FREQUENCY_GROUPS[group], str(len(classes)), *sums])
    lines = [' '.join(f'{cell:>{max(8, len(title))}}' for cell, title in zip(row, header, strict=True)) for row in rows]
    return '\n'.join([*lines, f'an epoch has {epoch.length:.0f} images instead of {stats.num_images}'])
