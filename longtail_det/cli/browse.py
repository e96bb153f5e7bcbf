"""Draw training samples as the model gets them: after the pipeline, with boxes, masks and names, rare classes first.

The classes take turns, those of the fewest training images first, each with a sample that was not shown yet. What is
drawn is what the train_dataloader of the config gives, through resampling, copy-paste and every other transform. --out
DIR gets a PNG for each sample and index.html, all of them on a page.

Example:
    longtail-det browse configs/glyphs/CONFIG.py --out work_dirs/browse
    longtail-det browse configs/glyphs/CONFIG.py --num 40 --classes rare zebra --out work_dirs/browse
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .arguments import CommandParser, numeric
from .commands import as_typed
from .errors import one_line_errors, setup_errors
from .outputs import check_output


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder to write to')
    parser.add_argument(
        '--num', type=numeric(1, is_whole=True), default=20, metavar='N', help='samples to draw (default: 20)'
    )
    parser.add_argument(
        '--classes', nargs='+', metavar='CLASS', help='rare, common, frequent or names: samples that show these'
    )
    parser.add_argument(
        '--seed', type=numeric(0, 2**32 - 1, is_whole=True), default=0, help='of samples and transforms (default: 0)'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='override the config'
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    with setup_errors():
        from .config import check_config, read_config

        check_output('--out', args.out, is_folder=True)
        check_config(args.config)
        from .browse_run import browse

        command = f'{as_typed("longtail-det browse")} {shlex.join(argv)}'
        print(browse(read_config(args.config, args.cfg_options), args, command))
    return 0
