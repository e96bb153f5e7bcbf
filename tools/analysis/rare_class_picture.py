"""Draw the objects of a rare class with what two runs make of them, the first run above the second.

The class is the rare one whose box AP the second run raises most; `--class` names another.

Example (the picture of the README):
    python tools/analysis/rare_class_picture.py \\
        'softmax CE=work_dirs/study/mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs/seed_0/results.json' \\
        'SeesawLoss + RFS=work_dirs/study/mask-rcnn_r18_fpn_seesaw_rfs-ss-600i_glyphs/seed_0/results.json' \\
        --ann data/glyphs/annotations/glyphs_val.json --train-ann data/glyphs/annotations/glyphs_train.json \\
        --img-root data/glyphs --out docs/images/rare_class.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from longtail_det.annotations import load_class_statistics
from longtail_det.cli.arguments import CommandParser
from longtail_det.cli.errors import UserError, one_line_errors, user_errors
from longtail_det.evaluation import evaluate_detections, read_ground_truth, read_results
from longtail_det.evaluation.diagnosis import class_ap
from longtail_det.files import replacing
from longtail_det.reports.run_predictions import read_image_paths
from longtail_det.visualization import figure_png, load_gallery, plot_class_gallery


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('runs', nargs=2, type=_run, metavar='TITLE=RESULTS.json', help='results of the two runs')
    parser.add_argument('--ann', required=True, type=Path, help='annotations of the tested images')
    parser.add_argument('--train-ann', required=True, type=Path, help='annotations of the training images')
    parser.add_argument('--img-root', required=True, type=Path, help='folder of the tested images')
    parser.add_argument('--class', dest='name', help='class to draw (default: the rare one that gains most box AP)')
    parser.add_argument('--objects', type=int, default=4, help='how many objects, the largest (default: %(default)s)')
    parser.add_argument(
        '--score-threshold', type=float, default=0.2, help='leave out detections below (default: %(default)s)'
    )
    parser.add_argument('--out', required=True, type=Path, help='PNG file to write')
    return parser


def _run(text: str) -> tuple[str, str]:
    title, equals, path = text.partition('=')
    if not (title and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is no TITLE=RESULTS.json")
    return title, path


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with user_errors():
        gt = read_ground_truth(args.ann, ('bbox', 'segm'))
        statistics = load_class_statistics(args.train_ann).of_classes(gt.names)
        gt = replace(gt, groups=statistics.frequency)
        found = [read_results(path, ('bbox', 'segm')) for _, path in args.runs]
        aps = [class_ap(evaluate_detections(gt, run, classwise=True)['bbox'], gt.names) for run in found]
        if args.name is None:
            label = _most_gained(aps[1] - aps[0], statistics.frequency == 'r')
        elif args.name in gt.names:
            label = gt.names.index(args.name)
        else:
            raise UserError(f"--class '{args.name}': no class of {args.ann}")
        paths = read_image_paths(str(args.ann), str(args.img_root))
        rows = []
        for (title, _), detections, ap in zip(args.runs, found, aps, strict=True):
            caption = f'box AP {100 * ap[label]:.1f}\n{statistics.image_count[label]} training images'
            rows += load_gallery(
                gt,
                detections,
                paths,
                [label],
                [f'{title}\n{caption}'],
                objects_per_class=args.objects,
                score_threshold=args.score_threshold,
            )
    if not rows:
        raise UserError(f"no object of '{gt.names[label]}' in {args.ann}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(args.out) as partial:
        partial.write_bytes(figure_png(plot_class_gallery(rows)))
    return 0


def _most_gained(gain: np.ndarray, is_rare: np.ndarray) -> int:
    gain = np.where(is_rare & np.isfinite(gain), gain, -np.inf)
    if not np.isfinite(gain).any():
        raise UserError('no rare class has a box AP in both runs; name a class with --class')
    return int(gain.argmax())


if __name__ == '__main__':
    sys.exit(main())
