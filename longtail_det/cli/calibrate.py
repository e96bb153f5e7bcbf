"""Calibrate a trained detector: choose a method's strength on training images, report AP on the test set.

The box head's logits on --images training images are kept once; every strength is then tried on them without the
model. The best box AP wins. The test set is run with and without the calibration, at NMS IoU 0.3 and 0.5 and mask
threshold 0.4 and 0.5: published calibrations and their baselines often differ in these two as well. Validation images
choose nothing.

--out DIR holds calibration.json (all numbers) and calibrated.pth (the checkpoint with the counts, for tools/test.py
--calibration). Without --calibration every method that has a strength is tried, and IIF. LogN has nothing to choose:
--calibration logn gathers its statistics over --images training images.

With --results, scores in a results json of any detector are corrected by the class counts of --counts, and written to
--out. A record holds one score, so this is the form for classes that stand alone (sigmoids): norcal, logit-adjustment
and fracal. Not iif, which multiplies logits, nor logn, which needs the logits of training RoIs.

Example:
    longtail-det calibrate configs/glyphs/CONFIG.py work_dirs/mine/iter_600.pth --images 400 --out work_dirs/calibrated
    longtail-det calibrate configs/glyphs/CONFIG.py work_dirs/mine/iter_600.pth --calibration fracal --strengths 1 2
    longtail-det calibrate --results results.json --counts train.json --calibration norcal gamma=0.6 --out new.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .arguments import CommandParser, add_common_arguments, numeric
from .calibration import add_calibration_arguments, read_calibration
from .errors import UserError, one_line_errors, setup_errors, user_errors
from .outputs import check_output


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('config', nargs='?', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file or URL')
    add_calibration_arguments(parser)
    parser.add_argument(
        '--strengths', nargs='+', type=numeric(), metavar='X', help='strengths to try, with --calibration'
    )
    parser.add_argument(
        '--images',
        type=numeric(1, is_whole=True),
        default=500,
        metavar='N',
        help='training images, drawn evenly over the classes; default: 500',
    )
    parser.add_argument('--no-test', action='store_true', help='leave the test set alone')
    parser.add_argument('--results', metavar='RESULTS.json', help='correct the scores in this file, without a model')
    parser.add_argument('--counts', metavar='TRAIN.json', help='annotations of the training set, with --results')
    parser.add_argument('--out', metavar='DIR', help='folder for the outcome; with --results the file to write')
    add_common_arguments(parser)
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    if args.results or args.counts:
        return _calibrate_results(args)
    with setup_errors() as progress:
        from .config import check_checkpoint, check_config, load_config

        _check_arguments(args)
        check_config(args.config)
        check_checkpoint(args.checkpoint)
        wanted = read_calibration(args.calibration) if args.calibration else None
        from .calibration_run import calibrate
        from .runner import select_device

        select_device(args)
        calibrate(load_config(args), args, wanted, progress)
    return 0


def _check_arguments(args: argparse.Namespace) -> None:
    if args.config is None or args.checkpoint is None:
        raise UserError('give a config and a checkpoint, or --results with --counts')
    if args.launcher != 'none':
        raise UserError('calibrate runs in one process; leave out --launcher')
    if args.strengths and not args.calibration:
        raise UserError('--strengths are those of one method; name it with --calibration')
    check_output('--out', args.out, is_folder=True)


def _calibrate_results(args: argparse.Namespace) -> int:
    for name in ('results', 'counts', 'calibration', 'out'):
        if getattr(args, name) is None:
            raise UserError(f'correcting a results json needs --{name} too')
    given = [name for name in ('config', 'checkpoint', 'ann', 'strengths') if getattr(args, name)]
    if given:
        raise UserError(f'--results runs no model and tries no strengths; leave out {given[0]}')
    check_output('--out', args.out, ('.json',))
    wanted = read_calibration(args.calibration)
    from .calibrated_results import write_calibrated

    with user_errors():
        num_records = write_calibrated(args.results, args.counts, wanted, args.out)
    print(f'{num_records} records written to {args.out}')
    return 0
