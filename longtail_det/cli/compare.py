"""Compare two runs on the same images: AP of both, the difference B - A, and its interval, by frequency group.

A and B are results files (the standard results json, or what `tools/test.py --out` wrote) or work directories that hold
one, such as RUN/results.json. The interval is a bootstrap over images, paired: both runs are scored on
the same resamples. It says how far the difference would move on as many other images; it says nothing of other seeds
of the training. Where zero is inside, these images do not tell the runs apart.

Example:
    longtail-det compare work_dirs/softmax work_dirs/seesaw --metric bbox segm
    longtail-det compare softmax.json seesaw.json --ann data/glyphs/annotations/glyphs_val.json --format csv
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from longtail_det.evaluation import GroundTruth, read_ground_truth
from longtail_det.evaluation.diagnosis import RESAMPLES, ResampledAP, interval_text, resample_detections
from longtail_det.evaluation.lvis import METRICS, match_detections
from longtail_det.statistics import FREQUENCY_GROUPS, Interval

from .arguments import CommandParser
from .commands import note
from .errors import one_line_errors, user_errors
from .eval import check_result_file, read_detections, with_groups
from .text_table import text_table


class Row(NamedTuple):
    """A result of both runs, and B - A; in [0, 1].

    Args:
        metric: such as 'bbox'.
        key: 'AP', 'APr', 'APc' or 'APf'.
        a: the first run.
        b: the second run.
        difference: the second minus the first.
    """

    metric: str
    key: str
    a: Interval
    b: Interval
    difference: Interval


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('a', type=Path, metavar='A', help='the run to compare with: results file or work directory')
    parser.add_argument('b', type=Path, metavar='B', help='the run to look at')
    parser.add_argument('--ann', metavar='GT.json', help='annotations of the images (default: from the config in A)')
    parser.add_argument('--metric', nargs='+', choices=METRICS, default=['bbox'], help='default: bbox')
    parser.add_argument(
        '--intervals', type=int, default=RESAMPLES, metavar='N', help='resamples of the images (default: %(default)s)'
    )
    parser.add_argument('--level', type=float, default=0.95, help='coverage of the intervals (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of the resamples (default: %(default)s)')
    parser.add_argument(
        '--class-statistics',
        metavar='FILE',
        help='training annotations, or the json of tools/data/class_statistics.py, where GT.json does not say which '
        'classes are rare',
    )
    parser.add_argument('--format', choices=('text', 'json', 'csv'), default='text', help='json and csv: all digits')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with user_errors():
        rows = compare(args)
    if args.format == 'text':
        print(f'A: {args.a}\nB: {args.b}\n{args.intervals} resamples of the images, intervals of {args.level:.0%}\n')
        print(comparison_text(rows))
    elif args.format == 'json':
        print(json.dumps(comparison_json(rows, args), indent=1))
    else:
        write_csv(rows)
    return 0


def compare(args: argparse.Namespace) -> list[Row]:
    """Read the files, match both runs and resample them together."""
    files = [str(_predictions(run)) for run in (args.a, args.b)]
    for path in files:
        check_result_file(path)
    ann = args.ann or _ann_of_folder(args.a)
    note(f'reading {ann} ...')
    gt = read_ground_truth(ann, args.metric)
    if args.class_statistics:
        gt = with_groups(gt, args.class_statistics)
    found = [read_detections(path, gt, args.metric, 'mask') for path in files]
    tested = [set(img_ids) for _, img_ids in found if img_ids is not None]
    if any(images != tested[0] for images in tested):
        raise ValueError(
            f'{args.a} and {args.b} were tested on other images ({len(tested[0])} and {len(tested[1])}); test both on '
            'the same'
        )
    rows = []
    for metric in args.metric:
        img_ids = list(tested[0]) if tested else None
        a, b = (_resampled(gt, columns_of(metric), metric, img_ids, args) for columns_of, _ in found)
        both, differences = (a.intervals(args.level), b.intervals(args.level)), b.difference(a, args.level)
        rows += [Row(metric, key, both[0][key], both[1][key], differences[key]) for key in differences]
    return rows


def comparison_text(rows: Sequence[Row]) -> str:
    """Return the rows as a table in percent, differences in points."""
    names = {'AP': 'all', **{f'AP{group}': name for group, name in FREQUENCY_GROUPS.items()}}
    lines = [
        [
            f'{row.metric} {names[row.key]}',
            interval_text(row.a),
            interval_text(row.b),
            *(f'{100 * value:+.1f}' if np.isfinite(value) else '-' for value in row.difference),
            'yes' if row.difference.holds_zero else 'no',
        ]
        for row in rows
    ]
    return text_table(['AP', 'A', 'B', 'B - A', 'low', 'high', 'zero inside'], lines)


def comparison_json(rows: Sequence[Row], args: argparse.Namespace) -> dict[str, Any]:
    """Return the rows as nested dicts, in [0, 1], None where undefined."""
    results: dict[str, dict[str, Any]] = {}
    for row in rows:
        values = {
            name: {key: _defined(x) for key, x in getattr(row, name)._asdict().items()} for name in row._fields[2:]
        }
        values['difference']['holds_zero'] = row.difference.holds_zero
        results.setdefault(row.metric, {})[row.key] = values
    settings = {'a': str(args.a), 'b': str(args.b), 'resamples': args.intervals, 'level': args.level, 'seed': args.seed}
    return {**settings, 'results': results}


def write_csv(rows: Sequence[Row]) -> None:
    """Print one line per metric and group, in [0, 1], a cell empty where undefined."""
    writer = csv.writer(sys.stdout, lineterminator='\n')
    ends = [f'{name}{end}' for name in ('a', 'b', 'difference') for end in ('', '_low', '_high')]
    writer.writerow(['metric', 'key', *ends, 'holds_zero'])
    for row in rows:
        values = [_defined(value) for interval in row[2:] for value in interval]
        cells = ['' if value is None else repr(value) for value in values]
        writer.writerow([row.metric, row.key, *cells, row.difference.holds_zero])


def _resampled(
    gt: GroundTruth, detections: Any, metric: str, img_ids: list[int] | None, args: argparse.Namespace
) -> ResampledAP:
    num_images = len(gt.image_ids) if img_ids is None else len(img_ids)
    with tqdm(total=num_images, desc=metric, unit='img') as bar:
        scored = match_detections(gt, detections, metric, img_ids, bar.update)
    return resample_detections(scored, args.intervals, args.seed)


def _predictions(run: Path) -> Path:
    if not run.is_dir():
        return run
    from longtail_det.reports.run_directory import evaluation_command, find_predictions  # matplotlib

    path = find_predictions(run)
    if path is None:
        raise FileNotFoundError(
            f'no results.npz, results.pkl or results.json in {run}; make it with {evaluation_command(run)}'
        )
    return path


def _ann_of_folder(run: Path) -> str:
    from longtail_det.reports.run_directory import data_source, find_config, read_dumped_config

    config = find_config(run) if run.is_dir() else None
    if config is None:
        raise FileNotFoundError(f'no config in {run} that names the annotations; give them with --ann')
    return data_source(read_dumped_config(config), 'test_dataloader').ann_file


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
