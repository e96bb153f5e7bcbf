"""What evaluation costs: our metric beside lvis-api, faster-coco-eval and mmdet's metrics.

The data are generated with the shape of LVIS: 12.4 objects and 3.6 classes an image, 20 classes known to be absent, 45
points a polygon, and as many detections an image as asked for, of which some lie on objects. All of one table comes
from one run on one machine and one CPU core; read the ratios, not the times.

core         annotations and results records in memory -> numbers; the same numbers are demanded of lvis-api
end-to-end   predictions of a model (bool masks) through `process` and `evaluate`, beside mmdet's LVISMetric
fixed        `process` of the mode 'fixed' beside that of mmdet's LVISFixedAPMetric
memory       peak of our metric over a whole validation set, annotation file and all, above what was there before it

`--peers FOLDER` adds faster-coco-eval to the core part, the one peer that takes records in memory; it is installed into
FOLDER unless it is there. results_file.py has the peers that read files.

Example:
    python tools/benchmarks/evaluation.py --num-images 200 --end-to-end-images 100 --memory-images 500
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import peers
from evaluation_case import (
    PeakMemory,
    boxes_only,
    lvis_api,
    process,
    quiet,
    timed,
    with_bool_masks,
    with_rles,
)
from harness import machine, markdown_table, use_one_core
from lvis_like import HEIGHT, WIDTH, LVISLike
from mmengine.logging import MMLogger

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)
from longtail_det.compat.lvis_api import import_lvis
from longtail_det.evaluation import evaluate_detections
from longtail_det.metrics import FastLVISMetric

#: the one of `peers.RELEASES` that takes records in memory
_PEER = 'faster-coco-eval'


def core_table(args: argparse.Namespace) -> str:
    """Annotations and records in memory -> numbers."""
    data = LVISLike(args.num_images, args.num_classes, args.num_detections)
    gt = data.annotations()
    records = [record for image in range(args.num_images) for record in data.records(image)]
    rows = []
    for metric in args.metrics:
        key = {'bbox': 'bbox', 'segm': 'segmentation'}[metric]
        part = [{k: record[k] for k in ('image_id', 'category_id', 'score', key)} for record in records]
        ours, results = timed(evaluate_detections, gt, part, [metric])
        seconds = {'ours': ours}
        seconds['lvis-api'], reference = timed(lvis_api, *copy.deepcopy((gt, part)), metric)
        if reference != results[metric]:
            raise AssertionError(f'{metric}: lvis-api gives {reference}, we give {results[metric]}')
        if args.peers:
            with quiet():
                seconds[_PEER], _ = timed(peers.load(_PEER, args.peers), *copy.deepcopy((gt, part)), metric)
        rows += [[metric, name, f'{s:.2f}', f'{ours / s:.4f}'] for name, s in seconds.items()]
    head = (
        f'Core: {args.num_images} images, {len(gt["annotations"])} objects, {len(records)} detections, '
        f'{args.num_classes} classes; all numbers equal those of lvis-api to the last bit'
    )
    note = '' if args.peers else '\nwithout --peers: the rows of faster-coco-eval are left out'
    return f'{head}\n{markdown_table(["metric", "evaluator", "s", "ours / it"], rows)}{note}'


def end_to_end_table(args: argparse.Namespace) -> str:
    """Predictions of a model -> numbers, through the metric of an evaluator."""
    from mmdet.evaluation.metrics import LVISMetric

    data = LVISLike(args.end_to_end_images, args.num_classes, args.num_detections)
    import_lvis()  # gives lvis the np.float that it wants
    seconds: dict[str, float] = {}
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'val.json'
        data.write(path)
        metrics = {}
        for name, build in (('FastLVISMetric', FastLVISMetric), ("mmdet's LVISMetric", LVISMetric)):
            with quiet():
                seconds[name], metrics[name] = timed(lambda b=build: b(str(path), metric=list(args.metrics)))
            metrics[name].dataset_meta = {'classes': [category['name'] for category in data.categories]}
        for name, spent in process(metrics, data, with_bool_masks, range(args.end_to_end_images)).items():
            seconds[name] += spent
        for name, metric in metrics.items():
            with quiet():
                spent, results[name] = timed(metric.evaluate, args.end_to_end_images)
            seconds[name] += spent
    ours, _ = seconds.values()
    rows = [
        [name, f'{s:.1f}', f'{ours / s:.4f}', f'{results[name][f"lvis/{args.metrics[0]}_AP"]:.3f}']
        for name, s in seconds.items()
    ]
    head = (
        f'End to end, {" and ".join(args.metrics)}: {args.end_to_end_images} images of {WIDTH} x {HEIGHT}, '
        f'{args.num_detections} detections each with bool masks, reading of the annotation file included'
    )
    return f'{head}\n{markdown_table(["metric", "s", "ours / it", f"{args.metrics[0]} AP"], rows)}'


def fixed_table(args: argparse.Namespace) -> str:
    """Time in `process` of the best detections of each class over the dataset."""
    from mmdet.evaluation.metrics.lvis_metric import LVISFixedAPMetric

    data = LVISLike(args.fixed_images, args.num_classes, args.num_detections)
    import_lvis()
    values: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'val.json'
        data.write(path)
        with quiet():
            metrics = {
                'FastLVISMetric, mode fixed': FastLVISMetric(str(path), 'bbox', mode='fixed'),
                "mmdet's LVISFixedAPMetric": LVISFixedAPMetric(str(path)),
            }
        for metric in metrics.values():
            metric.dataset_meta = {'classes': [category['name'] for category in data.categories]}
        seconds = process(metrics, data, boxes_only, range(args.fixed_images))
        for (name, metric), key in zip(metrics.items(), ('lvis/bbox_fixed_AP', 'lvis_fixed_ap/AP'), strict=True):
            with quiet():
                values[name] = metric.evaluate(args.fixed_images)[key]
    ours, _ = seconds.values()
    rows = [[name, f'{s:.2f}', f'{ours / s:.4f}', f'{values[name]:.6f}'] for name, s in seconds.items()]
    head = f'Process of the mode fixed: {args.fixed_images} images, {args.num_detections} detections each'
    return f'{head}\n{markdown_table(["metric", "s", "ours / it", "fixed AP"], rows)}'


def memory_table(args: argparse.Namespace) -> str:
    """Peak resident memory over a whole validation set."""
    data = LVISLike(args.memory_images, args.num_classes, args.num_detections)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'val.json'
        data.write(path)
        size = path.stat().st_size / 2**20
        for modes in (['default'], ['default', 'fixed', 'pool']):
            # a fresh process each: memory that something else has freed would be used unseen
            given = {**vars(args), 'parts': None, 'memory_row': [str(path), *modes]}
            child = subprocess.run(
                [sys.executable, __file__, '--memory-row', json.dumps(given)], stdout=subprocess.PIPE, check=True
            )
            rows.append(json.loads(child.stdout.decode().splitlines()[-1]))
    head = (
        f'Memory: {args.memory_images} images, {args.num_detections} detections each with RLE masks, annotation file '
        f'of {size:.0f} MB, reading it included'
    )
    columns = ['metrics', 'modes', 'kept, kB an image', 'peak, MB', 'read, s', 'process, s', 'evaluate, s']
    return f'{head}\n{markdown_table(columns, rows)}'


def _memory_row(args: argparse.Namespace) -> list[str]:
    path, *modes = args.memory_row
    data = LVISLike(args.memory_images, args.num_classes, args.num_detections)
    data.found(0)  # what the generator needs is there before
    with quiet(), PeakMemory() as memory:
        read, metric = timed(lambda: FastLVISMetric(path, list(args.metrics), mode=modes))
        metric.dataset_meta = {'classes': [category['name'] for category in data.categories]}
        processing = process({'ours': metric}, data, with_rles, range(args.memory_images))['ours']
        kept = sum(
            sum(part.nbytes for part in image.matches.values())
            + sum(part.nbytes for pair in image.ranked.values() for part in pair)
            for image in metric.results
        )
        kept /= max(len(metric.results), 1)  # the last images are matched by `evaluate`
        spent, _ = timed(lambda: metric.evaluate(args.memory_images))
    return [
        ', '.join(args.metrics),
        ', '.join(modes),
        f'{kept / 1e3:.2f}',
        f'{memory.peak / 2**20:.0f}',
        f'{read:.1f}',
        f'{processing:.1f}',
        f'{spent:.1f}',
    ]


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    'core': core_table,
    'end-to-end': end_to_end_table,
    'fixed': fixed_table,
    'memory': memory_table,
}


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='tables to print')
    parser.add_argument(
        '--metrics', nargs='+', choices=('bbox', 'segm'), default=['bbox', 'segm'], help='what to score'
    )
    parser.add_argument('--peers', type=Path, metavar='FOLDER', help='where faster-coco-eval is, or is installed')
    parser.add_argument('--num-images', type=int, default=2000, help='images of the core part')
    parser.add_argument('--end-to-end-images', type=int, default=2000, help='images of the end-to-end part')
    parser.add_argument('--fixed-images', type=int, default=1500, help='images of the fixed part')
    parser.add_argument('--memory-images', type=int, default=20_000, help='images of the memory part')
    parser.add_argument('--num-detections', type=int, default=300, help='detections an image')
    parser.add_argument('--num-classes', type=int, default=1203, help='classes')
    parser.add_argument('--memory-row', help=argparse.SUPPRESS)  # the memory part calls itself
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    args = build_parser().parse_args(argv)
    use_one_core()
    logging.getLogger().setLevel(logging.ERROR)
    MMLogger.get_instance('benchmark', log_level='ERROR')
    if args.memory_row:
        print(json.dumps(_memory_row(argparse.Namespace(**json.loads(args.memory_row)))))
        return 0
    if args.peers:
        peers.install(args.peers)
    print(machine('cpu'))
    for part in args.parts:
        print(f'\n{PARTS[part](args)}', flush=True)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
