"""What the command lines share: one-line errors and the arguments that train and test have in common."""

from __future__ import annotations

import argparse
import difflib
import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, ParamSpec

_P = ParamSpec('_P')

TRACEBACK_VARIABLE = 'LONGTAIL_DET_TRACEBACK'
USER_ERROR_CODE = 2
_SPEAKING_TYPES = (ValueError, FileNotFoundError, RuntimeError, AssertionError, ImportError)
_MAX_LENGTH = 600


class UserError(Exception):
    """A mistake that the user can fix; the message is the one line that says how."""


@dataclass
class Progress:
    """How far a run has come; from the first step on an exception is a bug and keeps its traceback."""

    started: bool = False


class OneLineParser(argparse.ArgumentParser):
    """Argument parser whose errors are one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Leave the report and the exit code to `one_line_errors`."""
        raise UserError(f'{message}; --help shows the options')


def one_line_errors(main: Callable[_P, int]) -> Callable[_P, int]:
    """Make a `main(argv)` report a `UserError` as one line on stderr and return 2.

    Under torchrun the line goes to the file that torchrun reads, so that it appears once and not once per process.

    Example:
        >>> @one_line_errors
        ... def main(argv=None):
        ...     raise UserError('no such file')
        >>> main([])
        2
    """

    @functools.wraps(main)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except UserError as error:
            _report(f'{os.path.basename(sys.argv[0])}: error: {error}')
            return USER_ERROR_CODE
        except KeyboardInterrupt:
            return 130

    return wrapper


def _report(line: str) -> None:
    error_file = os.environ.get('TORCHELASTIC_ERROR_FILE')
    if error_file is None:
        print(line, file=sys.stderr)
        return
    with open(error_file, 'w') as stream:
        json.dump({'message': line, 'timestamp': str(int(time.time()))}, stream)


@contextmanager
def setup_errors() -> Iterator[Progress]:
    """Turn any exception raised before `Progress.started` into a `UserError`.

    What mmengine, mmdet and this package raise while they build things from a config speaks about the config. The
    environment variable LONGTAIL_DET_TRACEBACK=1 keeps every traceback.
    """
    progress = Progress()
    try:
        yield progress
    except UserError as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise RuntimeError(str(error)) from error
        raise
    except Exception as error:
        if progress.started or os.environ.get(TRACEBACK_VARIABLE):
            raise
        raise UserError(f'{describe(error)} ({TRACEBACK_VARIABLE}=1 shows where)') from error


def describe(error: Exception) -> str:
    """One line from an exception: its message, and its type where the message alone does not speak.

    Example:
        >>> describe(KeyError('classes')), describe(ValueError('two  lines' + chr(10) + 'of text'))
        ("KeyError: 'classes'", 'two lines of text')
    """
    if isinstance(error, ModuleNotFoundError):
        return (
            f'{error} in {sys.executable}; ./tools/setup_env.sh makes an environment that has everything, '
            'pip install -e . --no-deps adds this package to yours'
        )
    message = str(error).strip()
    if message.startswith('Failed to import custom modules'):
        message = f'{message.split(", the current sys.path")[0]}: {_root(error)}'
    if 'DataLoader worker' in message:
        message = message.splitlines()[-1]
    unregistered = re.search(r'(\w+) is not in the (\w+)::(.+?) registry', message)
    if unregistered:
        return _describe_unregistered(*unregistered.groups())
    line = ' '.join(message.split())
    if len(line) > _MAX_LENGTH:
        line = line[:_MAX_LENGTH] + ' ...'
    return line if line and isinstance(error, _SPEAKING_TYPES) else f'{type(error).__name__}: {line}'


def _root(error: BaseException) -> BaseException:
    deeper = error.__cause__ or error.__context__
    return _root(deeper) if deeper else error


def _describe_unregistered(name: str, scope: str, kind: str) -> str:
    from mmengine import registry

    roots = [root for root in vars(registry).values() if isinstance(root, registry.Registry) and root.name == kind]
    known = {known for root in roots for part in (root, *root.children.values()) for known in part.module_dict}
    close = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean {close[0]}?' if close else 'import the module that registers it in custom_imports'
    return f'{name} is not in the {kind} registry of {scope}; {hint}'


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that train.py and test.py share."""
    parser.add_argument('--work-dir', help='folder for logs and results; default work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of the config, for example train_dataloader.batch_size=4 "model.x=[1,2]"',
    )
    parser.add_argument('--seed', type=_seed, help='random seed; default: what randomness in the config says')
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic algorithms only (slower; some ops refuse)'
    )
    parser.add_argument(
        '--device', choices=['auto', 'cpu', 'cuda'], default='auto', help='auto takes a GPU where there is one'
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f'{value} is outside 0 ... 4294967295')
    return value
