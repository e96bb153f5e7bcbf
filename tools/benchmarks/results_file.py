"""What it costs to score a results json: `read_results` and `evaluate_detections` beside lvis-api on the same files.

Each evaluator runs in a process of its own, from the two files to the numbers; the numbers must be the same. Time and
peak memory count from the start of its work, with everything imported. faster-coco-eval joins in where it is installed
(see evaluation.py).

Example:
    python tools/benchmarks/results_file.py --num-images 2000 --metric segm
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evaluation_case import PeakMemory, faster_coco_eval, quiet, timed
from harness import machine, markdown_table, use_one_core
from lvis_like import LVISLike

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)
from longtail_det.compat.lvis_api import import_lvis
from longtail_det.evaluation import evaluate_detections, read_ground_truth, read_results


def ours(gt: str, results: str, metric: str) -> dict[str, float]:
    """Score as tools/analysis/eval_results.py does."""
    return evaluate_detections(read_ground_truth(gt, [metric]), read_results(results, [metric]), [metric])[metric]


def lvis_api(gt: str, results: str, metric: str) -> dict[str, float]:
    """Score as lvis-api's README does."""
    _, evaluator_class, _ = import_lvis()
    evaluator = evaluator_class(gt, results, metric)
    evaluator.run()
    return dict(evaluator.get_results())


def faster(gt: str, results: str, metric: str) -> dict[str, float]:
    """Score with faster-coco-eval, which has numbers of its own."""
    evaluate = faster_coco_eval()
    assert evaluate is not None
    evaluate(json.loads(Path(gt).read_text()), json.loads(Path(results).read_text()), metric)
    return {}


EVALUATORS: dict[str, Callable[[str, str, str], dict[str, float]]] = {
    'ours': ours,
    'lvis-api': lvis_api,
    'faster-coco-eval': faster,
}


def write_files(args: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Generate the annotation file and the results json."""
    data = LVISLike(args.num_images, args.num_classes, args.num_detections)
    gt, results = folder / 'val.json', folder / 'results.json'
    data.write(gt)
    other = {'bbox': 'segmentation', 'segm': 'bbox'}[args.metric]
    with results.open('w') as file:
        for image in range(args.num_images):
            records = ({k: v for k, v in record.items() if k != other} for record in data.records(image))
            file.write(('[' if image == 0 else ', ') + ', '.join(map(json.dumps, records)))
        file.write(']')
    return gt, results


def measure(evaluator: str, gt: str, results: str, metric: str) -> dict[str, Any]:
    """Run one evaluator in this process."""
    import_lvis()
    with quiet(), PeakMemory() as memory:
        seconds, numbers = timed(EVALUATORS[evaluator], gt, results, metric)
    return {'seconds': seconds, 'peak': memory.peak, 'numbers': numbers}


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--metric', choices=('bbox', 'segm'), default='segm', help='what to score')
    parser.add_argument('--num-images', type=int, default=2000, help='images')
    parser.add_argument('--num-detections', type=int, default=300, help='detections an image')
    parser.add_argument('--num-classes', type=int, default=1203, help='classes')
    parser.add_argument('--only-ours', action='store_true', help='leave the others out; they take long')
    parser.add_argument('--measure', nargs=4, help=argparse.SUPPRESS)  # calls itself for each evaluator
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    use_one_core()
    logging.getLogger().setLevel(logging.ERROR)
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return 0
    names = ['ours'] if args.only_ours else ['ours', 'lvis-api', *['faster-coco-eval'] * bool(faster_coco_eval())]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        gt, results = write_files(args, Path(folder))
        size = results.stat().st_size / 2**20
        for name in names:
            command = [sys.executable, __file__, '--measure', name, str(gt), str(results), args.metric]
            child = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            found[name] = json.loads(child.stdout.decode().splitlines()[-1])
    if 'lvis-api' in found and found['ours']['numbers'] != found['lvis-api']['numbers']:
        raise AssertionError(f'lvis-api gives {found["lvis-api"]["numbers"]}, we give {found["ours"]["numbers"]}')
    base = found['ours']
    rows = [
        [
            name,
            f'{one["seconds"]:.1f}',
            f'{base["seconds"] / one["seconds"]:.3f}',
            f'{one["peak"] / 2**20:.0f}',
            f'{base["peak"] / one["peak"]:.3f}',
        ]
        for name, one in found.items()
    ]
    print(machine('cpu'))
    print(
        f'\n{args.metric} from a results json of {size:.0f} MB: {args.num_images} images, {args.num_detections} '
        f'detections each, {args.num_classes} classes\n'
        + markdown_table(['evaluator', 's', 'ours / it', 'peak, MB', 'ours / it'], rows)
    )
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
