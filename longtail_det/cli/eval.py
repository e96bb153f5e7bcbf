"""Score detections that lie in a file: box, mask and boundary AP as lvis-api 0.5.3 gives them, to the last bit.

RESULTS is the standard results json, a list of records with image_id, category_id, score and bbox (x, y, width, height)
or segmentation (RLE), or the .npz or .pkl of `tools/test.py --out` or of mmdet's DumpDetResults. A json is scored on
all images of the annotation file, the others on the images in them, unless --img-ids names them.

--out holds every number in full precision, {"bbox": {"AP": ..., "APr": ...}, "bbox_fixed": {...}}, -1 where there is
nothing to find; --classwise a table of one row per class. --intervals adds "AP_low", "AP_high" and those of the groups
to the mode default. --errors tells what kinds of errors cost how much AP50 (TIDE, Bolya et al., ECCV 2020), and LRP at
the best score threshold of each class (Oksuz et al., TPAMI 2021), both by frequency group, under "errors" in --out.

Example:
    longtail-det eval --ann data/lvis_v1/annotations/lvis_v1_val.json --results results.json \\
        --metric bbox segm --mode default fixed --out metrics.json --classwise classes.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from longtail_det.annotations import ON_BAD, load_class_statistics
from longtail_det.evaluation import Detections, GroundTruth, ap_table, read_ground_truth, read_results, result_fields
from longtail_det.evaluation.diagnosis import (
    RESAMPLES,
    ErrorTypes,
    OptimalLRP,
    error_types,
    interval_results,
    interval_table,
    object_overlaps,
    optimal_lrp,
    resample_detections,
)
from longtail_det.evaluation.lvis import METRICS, MODES, match_detections, predicted_columns
from longtail_det.evaluation.predicted_images import read_predicted_images
from longtail_det.evaluation.results import name_results
from longtail_det.spreadsheet import csv_cells

from .arguments import CommandParser
from .commands import note
from .error_text import error_text, errors_json
from .errors import one_line_errors, user_errors
from .outputs import RESULT_SUFFIXES, check_output

Results = dict[str, dict[str, float]]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--ann', required=True, metavar='GT.json', help='LVIS or COCO annotation file')
    parser.add_argument('--results', required=True, metavar='RESULTS', help='.json, .npz or .pkl')
    parser.add_argument('--metric', nargs='+', choices=METRICS, default=['bbox'], help='default: bbox')
    parser.add_argument(
        '--mode',
        nargs='+',
        choices=MODES,
        default=['default'],
        help='default: the 300 best detections of an image; fixed: the 10 000 best of a class over the dataset; '
        'pool: those, ranked over all classes together',
    )
    parser.add_argument(
        '--segm-area',
        choices=('mask', 'bbox'),
        default='mask',
        help='what makes a mask small, medium or large (APs, APm, APl): its own area, or that of the bbox beside it, '
        "as in lvis-api on records with both, and so in mmdet's LVISMetric",
    )
    parser.add_argument('--img-ids', metavar='FILE', help='score on these images only: a json list or one id a line')
    parser.add_argument(
        '--on-bad',
        choices=ON_BAD,
        default='error',
        help='refuse GT.json where it has bad records (default), or skip them',
    )
    parser.add_argument(
        '--class-statistics',
        metavar='FILE',
        help='training annotations, or the json of tools/data/class_statistics.py, where GT.json does not say which '
        'classes are rare',
    )
    parser.add_argument(
        '--intervals',
        type=int,
        nargs='?',
        const=RESAMPLES,
        metavar='N',
        help='add 95 %% intervals of AP, APr, APc and APf from N resamples of the images (default of N: %(const)s)',
    )
    parser.add_argument('--errors', action='store_true', help='errors by kind and group, and LRP, of the mode default')
    parser.add_argument('--out', type=Path, metavar='METRICS.json', help='write all numbers here')
    parser.add_argument('--classwise', type=Path, metavar='CLASSES.csv', help='write the AP of every class here')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with user_errors():
        check_result_file(args.results)
        check_output('--out', args.out)
        check_output('--classwise', args.classwise)
        results, gt, errors = score(args)
        if args.out:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            found = {'errors': {metric: errors_json(*of_metric) for metric, of_metric in errors.items()}}
            args.out.write_text(json.dumps(without_classes(results) | (found if errors else {}), indent=1) + '\n')
        if args.classwise:
            args.classwise.parent.mkdir(parents=True, exist_ok=True)
            write_classes(args.classwise, results, gt, errors)
    print(ap_table(without_classes(results)))
    if args.intervals:
        print(f'\n95 % intervals, {args.intervals} resamples of the images\n{interval_table(results)}')
    for metric, of_metric in errors.items():
        print(f'\n{metric}: {error_text(*of_metric)}')
    return 0


def score(args: argparse.Namespace) -> tuple[Results, GroundTruth, dict[str, tuple[ErrorTypes, OptimalLRP]]]:
    """Read the files and compute the results, with a progress bar over the images."""
    if args.intervals is not None and 'default' not in args.mode:
        raise ValueError(f'--intervals belongs to --mode default, but --mode is {" ".join(args.mode)}; add default')
    note(f'reading {args.ann} ...')
    gt = read_ground_truth(args.ann, args.metric, on_bad=args.on_bad)
    if args.class_statistics:
        gt = with_groups(gt, args.class_statistics)
    columns_of, img_ids = read_detections(args.results, gt, args.metric, args.segm_area)
    if args.img_ids:
        img_ids = read_ids(args.img_ids)
    num_images = len(gt.image_ids) if img_ids is None else len(set(img_ids))
    scores: dict[tuple[str, str], dict[str, float]] = {}
    errors = {}
    for metric in args.metric:
        with tqdm(total=num_images, desc=metric, unit='img') as bar:
            scored = match_detections(gt, columns_of(metric), metric, img_ids, bar.update)
        for mode in args.mode:
            scores[metric, mode] = scored.results(mode, args.classwise is not None)
        if args.intervals is not None and 'default' in args.mode:
            scores[metric, 'default'] |= interval_results(resample_detections(scored, args.intervals).intervals())
        if args.errors:
            overlaps = object_overlaps(scored)
            errors[metric] = error_types(overlaps), optimal_lrp(overlaps)
    return name_results(scores), gt, errors


def read_detections(
    path: str, gt: GroundTruth, metrics: Sequence[str], segm_area: str
) -> tuple[Callable[[str], Detections], list[int] | None]:
    """Read results; return the detections by metric, and the tested images where the file names them."""
    if path.endswith('.json'):
        columns = read_records(path, metrics, segm_area)
        columns.require_categories(gt.category_ids, path)
        return lambda metric: columns, None
    note(f'reading {path} ...')
    images = read_predicted_images(path)
    category_ids = images[0].get('category_ids', gt.category_ids.tolist()) if images else ()

    def columns_of(metric: str) -> Detections:
        columns = predicted_columns(images, category_ids, metric)
        if metric != 'bbox' and columns.masks is None:
            raise ValueError(f'--metric {metric} needs masks, but {path} holds none; test a model with a mask head')
        return columns if segm_area == 'mask' else columns.with_box_areas()

    columns_of(metrics[0]).require_categories(gt.category_ids, path)
    return columns_of, [image['img_id'] for image in images]


def check_result_file(path: str) -> None:
    """Raise for what cannot be a results file, before the annotations are read."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'results file not found: {path}')
    if not path.endswith(RESULT_SUFFIXES):
        raise ValueError(f'--results {path}: expected a file that ends in .json, .npz, .pkl or .pickle')


def read_records(path: str, metrics: Sequence[str], segm_area: str) -> Detections:
    """Read a results JSON, with a progress bar over its bytes."""
    if segm_area == 'mask' and set(metrics) != {'bbox'} and {'bbox', 'segmentation'} <= result_fields(path):
        note(
            'APs, APm and APl use mask area; lvis-api would use the area of the bbox beside the mask, as '
            '--segm-area bbox does, and gives these numbers for records without bbox'
        )
    needed = metrics if segm_area == 'mask' else ('bbox', *metrics)
    with tqdm(total=Path(path).stat().st_size, desc='reading', unit='B', unit_scale=True) as bar:
        columns = read_results(path, needed, bar.update)
    return columns if segm_area == 'mask' else columns.with_box_areas()


def read_ids(path: str) -> list[int]:
    """Read image ids: a JSON list, or numbers separated by blanks or lines."""
    text = Path(path).read_text()
    try:
        ids = json.loads(text) if text.lstrip().startswith('[') else [int(word) for word in text.split()]
    except ValueError as error:
        raise ValueError(f'--img-ids {path}: {error}; expected a json list of image ids, or one a line') from None
    if not ids or not all(isinstance(img_id, int) for img_id in ids):
        raise ValueError(f'--img-ids {path}: expected one image id or more, whole numbers')
    return ids


def with_groups(gt: GroundTruth, path: str) -> GroundTruth:
    """Return the ground truth with the frequency groups of a training set."""
    statistics = load_class_statistics(path)
    try:
        return replace(gt, groups=statistics.of_classes(gt.names).frequency)
    except ValueError as error:
        raise ValueError(f'{path}: {error}; give the file of the training set') from None


def without_classes(results: Results) -> Results:
    """Return the results without the AP of single classes."""
    return {
        name: {key: value for key, value in values.items() if not key.startswith('AP/')}
        for name, values in results.items()
    }


def write_classes(
    path: Path, results: Results, gt: GroundTruth, errors: Mapping[str, tuple[ErrorTypes, OptimalLRP]]
) -> None:
    """Write one row per class; a cell is empty where there is nothing to find, or no threshold."""
    groups = [''] * gt.num_classes if gt.groups is None else gt.groups.tolist()
    columns: dict[str, Iterable[Any]] = {'category_id': gt.category_ids.tolist()}
    columns |= {'name': csv_cells(gt.names), 'group': csv_cells(groups)}
    for name, values in results.items():
        if any(key.startswith('AP/') for key in values):
            ap = [values[f'AP/{class_name}'] for class_name in gt.names]
            columns[f'{name}_AP'] = ['' if value < 0 else repr(value) for value in ap]
    for metric, (_, lrp) in errors.items():
        for key, column in (('oLRP', lrp.lrp), ('threshold', lrp.threshold)):
            columns[f'{metric}_{key}'] = ['' if math.isnan(value) else repr(value) for value in column.tolist()]
    with path.open('w', newline='') as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
