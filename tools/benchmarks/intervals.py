"""What intervals and kinds of errors cost after the detections are matched, on data with the shape of LVIS.

Seconds are those of the processor, one thread. The AP of weights of one is demanded of the evaluation.

Example:
    python tools/benchmarks/intervals.py --sizes 400x80 20000x1203
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from harness import machine, markdown_table, use_one_core
from lvis_like import LVISLike

from longtail_det.evaluation import Detections
from longtail_det.evaluation.diagnosis import error_types, object_overlaps, optimal_lrp, resample_detections
from longtail_det.evaluation.lvis import ScoredDetections, ground_truth_table, match_detections

_TARGETS = {'400x80': '10', '20000x1203': '120'}


def matched(num_images: int, num_classes: int, num_detections: int) -> ScoredDetections:
    """Boxes of a dataset, matched."""
    data = LVISLike(num_images, num_classes, num_detections)
    truth = [data.objects(image) for image in range(num_images)]
    annotations = [annotation for _, objects, _ in truth for annotation in objects]
    gt = {'images': [record for record, _, _ in truth], 'annotations': annotations, 'categories': data.categories}
    columns: dict[str, list[Any]] = {'labels': [], 'scores': [], 'boxes': []}
    for image in range(num_images):
        found = data.found(image)
        for key, column in columns.items():
            column.append(found[key])
    image_ids = np.repeat(np.arange(1, num_images + 1), [len(labels) for labels in columns['labels']])
    labels, scores, boxes = (np.concatenate(column) for column in columns.values())
    detections = Detections(image_ids, labels + 1, scores.astype(np.float64), boxes)
    return match_detections(ground_truth_table(gt, ['bbox']), detections, 'bbox')


def cpu_seconds(step: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of this process and what the step returns."""
    start = time.process_time()
    result = step()
    return time.process_time() - start, result


def row(size: str, args: argparse.Namespace) -> list[str]:
    """Times of one size."""
    num_images, num_classes = map(int, size.split('x'))
    scored = matched(num_images, num_classes, args.num_detections)
    evaluation, results = cpu_seconds(scored.results)
    intervals, resampled = cpu_seconds(lambda: resample_detections(scored, args.resamples))
    point = resampled.intervals()['AP'].point
    if abs(point - results['AP']) > 1e-12:
        raise AssertionError(f'weights of one give AP {point}, the evaluation {results["AP"]}')
    overlap, overlaps = cpu_seconds(lambda: object_overlaps(scored))
    kinds, _ = cpu_seconds(lambda: (error_types(overlaps), optimal_lrp(overlaps)))
    counted = f'{len(scored.matches):,}'
    times = [f'{seconds:.2f}' for seconds in (evaluation, intervals, overlap + kinds)]
    return [f'{num_images} x {num_classes}', counted, *times, _TARGETS.get(size, '-')]


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sizes', nargs='+', default=list(_TARGETS), metavar='IMAGESxCLASSES', help='what to measure')
    parser.add_argument('--resamples', type=int, default=1000, help='resamples of the images')
    parser.add_argument('--num-detections', type=int, default=300, help='detections an image')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    use_one_core()
    print(machine('cpu'))
    head = ['images x classes', 'detections that count', 'evaluation, s', 'intervals, s', 'errors and LRP, s', 'target']
    print(f'\n{args.resamples} resamples, boxes\n{markdown_table(head, [row(size, args) for size in args.sizes])}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
