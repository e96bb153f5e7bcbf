"""Build the store of an annotation file: its columns as a folder that all processes map instead of reading the JSON.

Training and evaluation build it by themselves when they open the file first; before a job of many nodes it is better
done once. The store is the folder FILE.store beside the file, or a folder of the user's cache where that cannot be
written. With --check every byte of a store that is there is compared with its checksums, and the annotation file with
the one that it was built from: exit code 0 if all is well, 1 if not.

Example:
    longtail-det build-store data/glyphs/annotations/glyphs_train.json
    longtail-det build-store data/glyphs/annotations/glyphs_train.json --check
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from longtail_det.annotations import check_store, open_store

from .arguments import CommandParser
from .errors import one_line_errors, user_errors


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('file', type=Path, metavar='FILE', help='annotation file in the format of LVIS or COCO')
    parser.add_argument('--check', action='store_true', help='check the store that is there, and build nothing')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    logging.basicConfig(format='%(message)s', level=logging.INFO)
    with user_errors():
        if args.check:
            folder, fault = check_store(args.file)
            print(f'{folder}: {fault or "ok"}')
            return 1 if fault else 0
        columns = open_store(args.file, show_progress=True)
    print(f'{columns.folder or "not kept"}: {len(columns.images)} images, {len(columns.annotations)} annotations')
    for kind, count in columns.bad.counts.items():
        print(f'bad: {count} {kind}, for example {columns.bad.examples[kind][0]}')
    return 0
