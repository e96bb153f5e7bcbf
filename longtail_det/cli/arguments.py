"""The argument parser of every command, and the arguments that train and test have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from longtail_det.checks import number, whole

from .commands import as_typed, program_name
from .errors import UserError


class CommandParser(argparse.ArgumentParser):
    """Argument parser whose help is a docstring and whose errors are one line.

    Args:
        doc: the docstring; commands in it are shown as the user types them.
    """

    def __init__(self, doc: str | None) -> None:
        super().__init__(prog=program_name(), description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)

    def format_help(self) -> str:
        """Return the help."""
        return as_typed(super().format_help())

    def error(self, message: str) -> NoReturn:
        """Raise a `UserError`, which `one_line_errors` reports."""
        raise UserError(f'{message}; --help shows the options')


def numeric(low: float | None = None, high: float | None = None, *, is_whole: bool = False) -> Callable[[str], Any]:
    """Return a `type` of an argument that is a finite number.

    Args:
        low: smallest value.
        high: largest value.
        is_whole: whether it has no fraction.

    Example:
        >>> numeric(0, 1)('nan')
        Traceback (most recent call last):
        argparse.ArgumentTypeError: found nan, expected a finite number, at least 0 and at most 1
    """
    bounds: dict[str, Any] = {key: value for key, value in (('low', low), ('high', high)) if value is not None}

    def read(text: str) -> Any:
        try:
            value: Any = int(text) if is_whole else float(text)
        except ValueError:
            value = text
        try:
            return whole('', value, **bounds) if is_whole else number('', value, **bounds)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f'found {text}, {str(error).split("; ")[-1]}') from None

    return read


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that train and test share."""
    parser.add_argument('--work-dir', help='folder for logs and results; default work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of the config, for example train_dataloader.batch_size=4 "model.x=[1,2]"',
    )
    parser.add_argument(
        '--seed',
        type=numeric(0, 2**32 - 1, is_whole=True),
        help='random seed; default: what randomness in the config says',
    )
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic algorithms only (slower; some ops refuse)'
    )
    parser.add_argument(
        '--device', choices=['auto', 'cpu', 'cuda'], default='auto', help='auto takes a GPU where there is one'
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
