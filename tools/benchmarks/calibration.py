"""What a calibration of the scores adds to a prediction of Mask R-CNN R50: the scores of one image's RoIs, alone.

Example:
    python tools/benchmarks/calibration.py --num-classes 80 1203 13204
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from harness import machine, markdown_table, require_device, time_side_by_side
from vocabulary_case import build_model, make_batch, measure, spread_logits

from longtail_det.calibration import CALIBRATIONS, CountCalibration
from longtail_det.statistics import ClassStatistics


def calibration_steps(model: Any) -> dict[str, Callable[[], Any]]:
    """The test scores of the last predicted image's RoIs, plain and by each calibration with random tables."""
    head, seen = model.roi_head.bbox_head, []
    head.on_outputs = seen.append
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 2000, head.num_classes)
    spread = rng.uniform(1, 2, head.num_classes)
    tables = ClassStatistics(counts, counts, 2000, total_images=2000, fractal_dim=spread)
    calibrations = {
        kind.__name__: kind(num_classes=head.num_classes, class_statistics=tables).to(head.fc_cls.weight.device)
        for kind in CALIBRATIONS
        if issubclass(kind, CountCalibration)
    }

    def scores(calibration: Any) -> Any:
        head.calibration = calibration
        return head.test_scores(seen[-1].cls_score)

    steps = {'none': lambda: scores(None)}
    return steps | {name: (lambda each=each: scores(each)) for name, each in calibrations.items()}


def run(num_classes: int, args: argparse.Namespace) -> list[list[str]]:
    """Measure a whole prediction once, and the scores of its RoIs many times, in turns; rows of the table."""
    model = build_model('ours', num_classes).to(args.device).eval()
    one = make_batch(1, args.image_size, num_classes, num_objects=20)
    with torch.no_grad():
        spread_logits(model, one)
        steps = calibration_steps(model)
        whole = measure(lambda: model.val_step(one), args.device)['seconds']
        seconds = time_side_by_side(steps, rounds=args.rounds, device=args.device)
    return [
        [str(num_classes), name, f'{1e3 * value:.2f}', f'{100 * (value - seconds["none"]) / whole:.3f} %']
        for name, value in seconds.items()
    ]


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-classes', type=int, nargs='+', default=[80, 1203, 13204])
    parser.add_argument('--image-size', type=int, default=512, help='side of the square image, pixels')
    parser.add_argument('--rounds', type=int, default=20, help='rounds of turns')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    print(machine(args.device))
    rows = [row for num_classes in args.num_classes for row in run(num_classes, args)]
    print(markdown_table(['classes', 'calibration', 'scores, ms', 'added / a prediction'], rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
