"""Make LongTailGlyphs, the embedded benchmark: an LVIS v1 dataset of characters with a long tail.

The default preset (80 classes, 3000 + 400 images of 128 pixels, 35 MB) takes about 10 seconds on two cores. The tiny
preset has 12 classes on 160 + 40 images. The lvis-full preset has the classes, images, frequency groups and number of
instances of LVIS v1, and takes half an hour of processor time and 4 GB. The lvis preset has a twentieth of its images
(two minutes, 200 MB): each class has a twentieth of its images there, at least one, and stays in the frequency group
that it has there, so the 337 rare classes have one training image each. Other options replace numbers of the preset.

A dataset that is there already with the same settings is kept; an interrupted one is made anew.

Example:
    longtail-det make-glyphs --out data/glyphs
    longtail-det make-glyphs --out data/glyphs_tiny --preset tiny --seed 1
    longtail-det make-glyphs --out data/glyphs_lvis --preset lvis
    longtail-det make-glyphs --out data/glyphs_1203 --num-classes 1203 --num-train 12000 --num-val 3000 \\
        --head-share 0.04 --val-instances 8 --max-instances 20
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from longtail_det.statistics import FREQUENCY_GROUPS
from longtail_det.synthetic import MAX_CLASSES, PRESETS, GlyphsConfig, GlyphsSummary, make_glyphs

from .arguments import CommandParser, numeric
from .errors import UserError, one_line_errors
from .group_table import row, span

_HELP = {
    'num_classes': 'classes',
    'num_train': 'training images',
    'num_val': 'validation images',
    'image_size': 'width and height of every image in pixels',
    'zipf_exponent': 'how fast the image counts fall with the rank of a class',
    'head_share': 'share of the training images that holds the most frequent class',
    'rare_share': 'share of the classes that is rare (at most 10 training images)',
    'repeats': 'mean number of instances of a class on an image that holds it',
    'max_instances': 'most instances on one image',
    'val_instances': 'instances of each class in the validation set',
    'negative_share': "share of an image's absent classes that is listed as negative",
    'seed': 'everything random follows from it',
    'count_divisor': 'image counts and frequency groups of a training set N times as large, the counts divided by N',
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--out', type=Path, required=True, help='folder to make the dataset in')
    parser.add_argument('--preset', choices=PRESETS, default='default', help='the numbers to start from')
    for field in fields(GlyphsConfig):
        option = '--' + field.name.replace('_', '-')
        default = getattr(PRESETS['default'], field.name)
        limit = f', 1 to {MAX_CLASSES}' if field.name == 'num_classes' else ''
        text = f'{_HELP[field.name]}{limit} (default preset: {default:.4g})'
        parser.add_argument(option, type=numeric(is_whole=isinstance(default, int)), metavar='N', help=text)
    parser.add_argument('--overwrite', action='store_true', help='replace a LongTailGlyphs dataset in --out')
    parser.add_argument(
        '--workers',
        type=numeric(1, is_whole=True),
        metavar='N',
        help='processes to draw with (default: one per processor)',
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    given = {name: value for name in _HELP if (value := getattr(args, name)) is not None}
    try:
        config = replace(PRESETS[args.preset], **given)
        summary = make_glyphs(args.out, config, overwrite=args.overwrite, workers=args.workers)
    except (ValueError, FileExistsError) as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f'cannot write to {args.out} ({error.strerror or error}); choose another --out') from error
    print(_table(args.out, summary))
    return 0


def _table(out: Path, summary: GlyphsSummary) -> str:
    """Return a table of the data by frequency group."""
    done = 'was there already' if summary.reused else f'made in {summary.seconds:.1f} s'
    train, val = summary.statistics['train'], summary.statistics['val']
    lines = [
        f'LongTailGlyphs in {out}: {done}',
        row('group', 'classes', 'train images', 'train instances', 'val instances'),
    ]
    for key, name in FREQUENCY_GROUPS.items():
        classes = np.flatnonzero(summary.frequency == key)
        counts = train.image_count[classes]
        instances = (int(stats.instance_count[classes].sum()) for stats in (train, val))
        lines.append(row(name, counts.size, span(counts), *instances))
    totals = (int(stats.instance_count.sum()) for stats in (train, val))
    lines.append(row('all', train.num_classes, summary.num_images['train'], *totals))
    empty = summary.num_images['train'] - train.num_images
    lines.append(f'{summary.num_images["val"]} validation images; {empty} training images show nothing')
    return '\n'.join(lines)
