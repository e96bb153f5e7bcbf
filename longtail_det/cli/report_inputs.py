"""What a report is about: work directories, or files of predictions alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longtail_det.annotations import BadRecords, read_images

from .errors import UserError

if TYPE_CHECKING:
    from longtail_det.reports import DataSource, Run


def check_inputs(args: argparse.Namespace) -> None:
    """Raise where there is nothing to report, and fill in where the page goes.

    Args:
        args: of the command line.

    Raises:
        UserError: neither a RUN nor --results with --ann.
    """
    if not args.runs and not args.results:
        raise UserError('expected a RUN, a work directory, or --results FILE with --ann; --help shows the options')
    if not args.runs and not args.ann:
        raise UserError('--results without a RUN needs the objects of its images; give their annotation file by --ann')
    args.out = args.out or (args.runs[0] if args.runs else args.results[0].parent) / 'report.html'


def find_inputs(args: argparse.Namespace, notes: list[str]) -> tuple[list[Run], DataSource, str | None]:
    """Return the runs, the tested data, and the file that tells of the training set.

    Args:
        args: of the command line; `num_images` becomes 0 where a file alone does not tell where its images are.
        notes: what is missing is added.

    Returns:
        None for the last one where the categories of the tested data have to do.

    Raises:
        ValueError, FileNotFoundError: as `find_runs` and `data_of_runs`.
    """
    from longtail_det import reports

    if args.runs:
        runs = reports.find_runs(args.runs, args.names, args.results)
        return runs, *reports.data_of_runs(runs, args.ann, args.train_ann, trust_config=args.trust_config)
    runs = reports.lone_runs(args.results, args.names)
    folder = find_image_folder(args.ann)
    if folder is None and args.img_root is None and args.num_images and args.results[0].suffix == '.json':
        notes.append(f'No images: they are not near {args.ann}; give their folder with --img-root.')
        args.num_images = 0
    return runs, reports.DataSource(args.ann, None, folder or ''), args.train_ann


def find_image_folder(ann_file: str) -> str | None:
    """Return the folder near an annotation file below which its first image is, None without.

    Args:
        ann_file: in the folder of the images, or beside it as LVIS and COCO have it.
    """
    bad = BadRecords(ann_file)
    names = read_images(ann_file, bad).names[:1]
    around = Path(ann_file).absolute().parents[:2]
    places = [place for parent in around for place in (parent, parent / 'images')]
    return next((str(place) for place in places for name in names if (place / name).is_file()), None)


def name_of(run: Run, runs: Sequence[Run]) -> str:
    """Return words that say which run, where there are several."""
    return f' of {run.name}' if len(runs) > 1 else ''
