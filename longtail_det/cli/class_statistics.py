"""Count the classes of a training set: the numbers that long-tail losses, samplers and metrics start from.

Reads an annotation file in the format of LVIS v0.5, LVIS v1 or COCO (LVIS v1: 1 GB, about 20 seconds) or a folder of
YOLO labels, writes a small json and prints the frequency groups. A config can name the json instead of the dataset:

    loss_cls=dict(type='...', class_statistics='data/lvis_v1/statistics.json')

Example:
    longtail-det class-statistics --ann data/glyphs/annotations/glyphs_train.json --out work_dirs/glyphs.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from longtail_det.annotations import ON_BAD, BadRecords, count_file, read_annotation_file

from .arguments import CommandParser
from .errors import one_line_errors, user_errors
from .group_table import group_table
from .outputs import check_output


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--ann', type=Path, required=True, metavar='TRAIN.json', help='annotation file to count')
    parser.add_argument('--out', type=Path, required=True, metavar='STATS.json', help='file to write the counts to')
    parser.add_argument(
        '--on-bad', choices=ON_BAD, default='error', help='refuse a file with bad records, or go on without them'
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    check_output('--out', args.out)
    with user_errors():
        if args.out.resolve() == args.ann.resolve():
            raise ValueError(f'--out is the annotation file itself: {args.out}; choose another name')
        bad = BadRecords(str(args.ann))
        file = read_annotation_file(args.ann, bad, show_progress=True)
        bad.settle(args.on_bad)
        stats = count_file(file)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(stats.to_dict()))
    print(group_table(stats))
    print(f"written to {args.out}; in a config: class_statistics='{args.out}'")
    return 0
