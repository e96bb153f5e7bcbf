"""Draw what a detector finds on images and videos, and write it as a results JSON.

IMAGES are image or video files, folders (with the folders in them), or glob patterns. --out DIR gets drawings/ (one
picture for each image), index.html (all of them on a page), results.json (records as `longtail-det eval` and
`longtail-det report` read them) and images.json (id, file and size of each image, and the categories).

--score-thr is about the drawings; results.json holds all detections of the model, or with --classes those of the
chosen classes. The ids are those of the test set of the config where its annotation file is there and lists the image.
The groups of the classes (rare, common, frequent) are those of --ann, else of the checkpoint, else of the annotation
files of the config.

Example:
    longtail-det predict photos --config CONFIG.py --checkpoint work_dirs/mine/iter_600.pth --out work_dirs/photos
    longtail-det predict 'clips/*.mp4' --every 25 --classes rare --config CONFIG.py --checkpoint mine.pth --out out
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .arguments import CommandParser, numeric
from .commands import as_typed
from .errors import one_line_errors, setup_errors
from .outputs import check_output


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('images', nargs='+', metavar='IMAGES', help='images, videos, folders or patterns of them')
    parser.add_argument('--config', required=True, help='config file that the detector was trained with')
    parser.add_argument('--checkpoint', required=True, help='checkpoint file or URL')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder to write to')
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='CLASS',
        help='rare, common, frequent or names of classes: leave out the others, and images on which none of them is '
        'found',
    )
    parser.add_argument(
        '--ann',
        metavar='TRAIN.json',
        help='tells the groups of the classes: an LVIS file, the annotations of the training set, or their counts '
        '(tools/data/class_statistics.py)',
    )
    parser.add_argument(
        '--score-thr', type=numeric(0, 1), default=0.3, help='lowest score to draw (default: %(default)s)'
    )
    parser.add_argument('--no-drawings', action='store_true', help='write the JSON files alone')
    parser.add_argument(
        '--every', type=numeric(1, is_whole=True), default=1, metavar='N', help='use every Nth frame of a video'
    )
    parser.add_argument(
        '--batch-size', type=numeric(1, is_whole=True), default=1, metavar='N', help='images at a time (default: 1)'
    )
    parser.add_argument(
        '--device', choices=['auto', 'cpu', 'cuda'], default='auto', help='auto takes a GPU where there is one'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='override the config'
    )
    parser.set_defaults(deterministic=False)
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    with setup_errors() as progress:
        from .config import check_checkpoint, check_config, read_config
        from .image_inputs import ImageInputs

        check_output('--out', args.out, is_folder=True)
        check_config(args.config)
        check_checkpoint(args.checkpoint)
        # torch takes seconds to import: a wrong path is reported before
        inputs = ImageInputs(args.images, args.every)
        from .predict_run import predict
        from .runner import select_device

        device = select_device(args)
        command = f'{as_typed("longtail-det predict")} {shlex.join(argv)}'
        print(predict(read_config(args.config, args.cfg_options), inputs, args, device, command, progress))
    return 0
