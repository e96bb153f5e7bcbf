"""What it costs to score a results json: `read_results` and `evaluate_detections` beside others on the same files.

Each evaluator runs in a process of its own, on one CPU core, from the two files to the numbers. Time and peak memory
count from the start of its work, with everything imported. lvis-api's numbers must be ours to the last bit; for the
others the table shows the largest difference to lvis-api's, or to ours where lvis-api is left out.

`--peers FOLDER` installs pinned releases of hotcoco, vernier, ultrafast-pycocotools and faster-coco-eval into FOLDER,
each into a folder of its own, unless they are there. Nothing else needs them.

Example:
    python tools/benchmarks/results_file.py --num-images 2000 --metric segm --peers /tmp/peers
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peers
from evaluation_case import PeakMemory, quiet, timed
from harness import machine, markdown_table, use_one_core
from lvis_like import LVISLike

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)
from longtail_det.evaluation import evaluate_detections, read_ground_truth, read_results

EVALUATORS = ('ours', 'lvis-api', *peers.RELEASES)


def ours(gt: str, results: str, metric: str) -> dict[str, float]:
    """Score as tools/analysis/eval_results.py does."""
    return evaluate_detections(read_ground_truth(gt, [metric]), read_results(results, [metric]), [metric])[metric]


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


def measure(evaluator: str, folder: str, gt: str, results: str, metric: str) -> dict[str, Any]:
    """Run one evaluator in this process."""
    evaluate = ours if evaluator == 'ours' else peers.load(evaluator, folder)
    with quiet(), PeakMemory() as memory:
        start = time.process_time()
        seconds, numbers = timed(evaluate, gt, results, metric)
        cpu = time.process_time() - start
    return {'seconds': seconds, 'cpu': cpu, 'peak': memory.peak, 'numbers': numbers}


def reference_name(found: dict[str, dict[str, Any]]) -> str:
    """Return whose numbers the others are compared with: lvis-api, where it ran, else ours."""
    return 'lvis-api' if 'lvis-api' in found else 'ours'


def rows_of(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the table.

    Raises:
        AssertionError: our numbers are not lvis-api's.
    """
    reference = found[reference_name(found)]['numbers']
    if found['ours']['numbers'] != reference:
        raise AssertionError(f'lvis-api gives {reference}, we give {found["ours"]["numbers"]}')
    base = found['ours']
    return [
        [
            name,
            f'{one["seconds"]:.2f}',
            f'{one["cpu"]:.2f}',
            f'{base["cpu"] / one["cpu"]:.3f}',
            f'{one["peak"] / 2**20:.0f}',
            f'{base["peak"] / one["peak"]:.3f}',
            f'{peers.largest_difference(one["numbers"], reference):.1g}',
        ]
        for name, one in found.items()
    ]


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--metric', choices=('bbox', 'segm'), default='segm', help='what to score')
    parser.add_argument('--num-images', type=int, default=2000, help='images')
    parser.add_argument('--num-detections', type=int, default=300, help='detections an image')
    parser.add_argument('--num-classes', type=int, default=1203, help='classes')
    parser.add_argument(
        '--evaluators', nargs='+', choices=EVALUATORS, help='which; ours, lvis-api and, with --peers, the others'
    )
    parser.add_argument('--peers', type=Path, metavar='FOLDER', help='where the others are, or are installed')
    parser.add_argument('--measure', nargs=5, help=argparse.SUPPRESS)  # calls itself for each evaluator
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    if args.measure:
        logging.getLogger().setLevel(logging.ERROR)
        print(json.dumps(measure(*args.measure)))
        return 0
    if args.peers:
        peers.install(args.peers)
    use_one_core()
    names = args.evaluators or (EVALUATORS if args.peers else EVALUATORS[:2])
    found: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        gt, results = write_files(args, Path(folder))
        size = results.stat().st_size / 2**20
        for name in ('ours', *(name for name in names if name != 'ours')):
            given = [name, str(args.peers), str(gt), str(results), args.metric]
            command = [sys.executable, __file__, '--measure', *given]
            child = subprocess.run(command, capture_output=True, text=True)
            if child.returncode == 0:
                found[name] = json.loads(child.stdout.splitlines()[-1])
            elif name in peers.RELEASES:
                failed.append(f'{name} cannot: {child.stderr.splitlines()[-1]}')
            else:
                raise RuntimeError(child.stderr)
    header = ['evaluator', 's', 'CPU s', 'ours / it', 'peak, MB', 'ours / it', f'difference to {reference_name(found)}']
    print(machine('cpu'))
    print(
        f'\n{args.metric} from a results json of {size:.0f} MB: {args.num_images} images, {args.num_detections} '
        f'detections each, {args.num_classes} classes\n' + markdown_table(header, rows_of(found))
    )
    print(*failed, sep='\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
