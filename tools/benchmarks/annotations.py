"""What it costs to open a training set of LVIS size: mmdet's dataset, ours in memory, and ours from the store.

Each row is a process of its own (the last one: four at once), from the constructor to the finished dataset, everything
imported. The private memory is what the process holds alone at the end, the bare imports subtracted; pages of the
store are shared.

Example:
    python tools/benchmarks/annotations.py --scale 0.1
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import machine, markdown_table
from lvis_like import LVISLike

_NUM_IMAGES = 100_170  # of LVIS v1 train
_NUM_CLASSES = 1203
_RANKS = 4


def write_file(path: Path, num_images: int) -> None:
    """Write an annotation file of LVIS's format, 10 kB an image."""
    data = LVISLike(num_images, _NUM_CLASSES, 0)
    polygons = [json.dumps([polygon]) for polygon in data.shapes.polygons]
    images, start = [], '{"annotations": ['
    with path.open('w') as file:
        for number in range(num_images):
            image, records, shapes = data.objects(number)
            images.append({**image, 'coco_url': f'http://images.cocodataset.org/train2017/{image["id"]:012d}.jpg'})
            for record, shape in zip(records, shapes, strict=True):
                file.write(f'{start}{json.dumps(record)[:-1]}, "segmentation": {polygons[shape]}}}')
                start = ', '
        file.write(f'], "images": {json.dumps(images)}, "categories": {json.dumps(data.categories)}}}')


def private_bytes() -> int:
    """Memory of this process that no other one shares."""
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(('Private_Clean', 'Private_Dirty')))


def measure(kind: str, path: str) -> dict[str, float]:
    """Open a dataset in this process."""
    import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

    logging.disable(logging.INFO)
    if kind == 'mmdet':
        from mmdet.datasets import LVISV1Dataset as Dataset
    else:
        from longtail_det.datasets import LVISDataset as Dataset
    options: dict[str, Any] = {'data_root': str(Path(path).parent), 'data_prefix': {'img': ''}}
    if kind != 'mmdet':
        options['store'] = kind == 'store'
    before, wall, cpu = private_bytes(), time.perf_counter(), time.process_time()
    dataset = Dataset(ann_file=path, **options)
    found = {'seconds': time.perf_counter() - wall, 'cpu': time.process_time() - cpu}
    assert dataset.get_data_info(len(dataset) - 1)['instances']
    found |= {'private': private_bytes() - before}
    return found | {'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def run(kind: str, path: Path, processes: int = 1) -> dict[str, float]:
    """Measure in new processes, all at once; seconds and memory are those of the worst, CPU seconds of all."""
    command = [sys.executable, __file__, '--measure', kind, str(path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    outputs = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise RuntimeError(f'{" ".join(command)} failed')
    found = [json.loads(output.splitlines()[-1]) for output in outputs]
    worst = {key: max(one[key] for one in found) for key in ('seconds', 'peak', 'private')}
    return {**worst, 'cpu': sum(one['cpu'] for one in found)}


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scale', type=float, default=1.0, help='size of the file, 1 for that of LVIS v1 train')
    parser.add_argument('--mmdet-scale', type=float, help="size of mmdet's file; 1 needs 9 GB (default: as --scale)")
    parser.add_argument('--only-ours', action='store_true', help='leave mmdet out')
    parser.add_argument('--measure', nargs=2, help=argparse.SUPPRESS)  # calls itself for each row
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return 0
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        mmdet_scale = args.scale if args.mmdet_scale is None else args.mmdet_scale
        path, theirs = Path(folder, 'train.json'), Path(folder, 'mmdet.json')
        for name, scale in ((path, args.scale), (theirs, 0 if args.only_ours else mmdet_scale)):
            if scale:
                write_file(name, round(scale * _NUM_IMAGES))
                name.parent.joinpath('train2017').mkdir(exist_ok=True)
        Path(folder, 'train2017', f'{1:012d}.jpg').touch()
        size = path.stat().st_size
        if not args.only_ours:
            rows[f"mmdet's LVISV1Dataset, {theirs.stat().st_size / 1e9:.2f} GB"] = run('mmdet', theirs)
        rows['store=False'] = run('memory', path)
        rows['first build'] = run('store', path)
        rows['open again'] = run('store', path)
        rows[f'{_RANKS} processes open again'] = run('store', path, _RANKS)
        shutil.rmtree(f'{path}.store')
        rows[f'{_RANKS} processes build'] = run('store', path, _RANKS)
    units = {'seconds': 1, 'cpu': 1, 'peak': 1e6, 'private': 1e6}
    cells = [[name, *(f'{row[key] / unit:.3g}' for key, unit in units.items())] for name, row in rows.items()]
    print(machine('cpu'))
    print(
        f'\nAn annotation file of {size / 1e9:.2f} GB, {round(args.scale * _NUM_IMAGES)} images\n'
        + markdown_table(['what', 's', 'CPU s (all)', 'peak, MB', 'private, MB'], cells)
    )
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
