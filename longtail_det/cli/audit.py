"""Say what is wrong with the balance of a data set, and what to do about it.

Reads LVIS and COCO files (those of Open Images too) and folders of YOLO labels (`labels/*.txt`; class names from
data.yaml or classes.txt; the images need not be there). Prints the counts by group, bad records, classes that training
never shows or validation cannot measure, names that look alike, what thresholds of RFS and IRFS do to an epoch, and the
`oversample_thr` and `lambda_` that fit. --json holds all of it with every class, --out is a page with figures. Classes
of the two files are matched by name. LVIS v1 train (1 GB) takes about 20 seconds, with --no-masks about 8.

Example:
    longtail-det audit data/glyphs/annotations/glyphs_train.json --val data/glyphs/annotations/glyphs_val.json
    longtail-det audit dataset/labels/train --val dataset/labels/val --json audit.json --out audit.html
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from longtail_det.files import replacing
from longtail_det.statistics import MAX_GROWTH
from longtail_det.version import __version__

from .arguments import CommandParser, numeric
from .audit_text import audit_json, audit_text, val_summary
from .commands import as_typed
from .errors import one_line_errors, user_errors
from .outputs import check_output


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('train', type=Path, metavar='TRAIN', help='training annotations, a json or a folder of labels')
    parser.add_argument('--val', type=Path, help='validation annotations likewise')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write everything here')
    parser.add_argument('--out', type=Path, metavar='PAGE.html', help='write a page with figures here')
    parser.add_argument(
        '--max-growth',
        type=numeric(0),
        default=MAX_GROWTH,
        metavar='X',
        help='by which share the suggested resampling may lengthen an epoch (default: %(default)s)',
    )
    parser.add_argument('--no-masks', action='store_true', help='do not check the masks, which takes half of the time')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    check_output('--json', args.json)
    check_output('--out', args.out, ('.html', '.htm'))
    from longtail_det.reports import audit as audits  # matplotlib, which --help does without

    with user_errors():
        for option, path in (('--json', args.json), ('--out', args.out)):
            if path is not None and path.resolve() in {each.resolve() for each in (args.train, args.val) if each}:
                raise ValueError(f'{option} is an annotation file itself: {path}; choose another name')
        train = audits.read_split(args.train, masks=not args.no_masks, show_progress=True)
        val = audits.read_split(args.val, masks=not args.no_masks, show_progress=True) if args.val else None
        audit = audits.make_audit(train, val, args.max_growth)
        print(audit_text(audit))
        if args.json:
            with replacing(args.json) as unfinished:
                unfinished.write_text(json.dumps(audit_json(audit), indent=1, allow_nan=False) + '\n')
            print(f'written to {args.json}')
        if args.out:
            facts = {
                'training': f'{args.train}: {train.statistics.summary()}',
                **({'validation': f'{args.val}: {val_summary(val)}'} if val else {}),
                'command': f'{as_typed("longtail-det audit")} {shlex.join(map(str, argv))}',
                'version': f'longtail_det {__version__}',
            }
            date = datetime.now().strftime('%Y-%m-%d %H:%M')
            audits.write_audit_page(args.out, audit, title=f'Audit of {args.train.name}', date=date, facts=facts)
            print(f'page: {args.out}')
    return 0
