"""One line for every mistake of the user, exit code 2."""

from __future__ import annotations

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
from typing import ParamSpec

from longtail_det.checks import InputError

from .commands import as_typed, program_name

_P = ParamSpec('_P')

TRACEBACK_VARIABLE = 'LONGTAIL_DET_TRACEBACK'
USER_ERROR_CODE = 2
_SPEAKING_TYPES = (ValueError, FileNotFoundError, RuntimeError, AssertionError, ImportError)
_MAX_LENGTH = 600
#: package that a command may miss -> what to install
_BRINGS = dict.fromkeys(('mmengine', 'mmcv', 'mmdet', 'torchvision', 'lvis'), "'longtail-det[mmdet]'")
_BRINGS['cv2'] = 'opencv-python'


class UserError(Exception):
    """A mistake that the user can fix; the message is the one line that says how."""

    exit_code = USER_ERROR_CODE


class RunError(UserError):
    """What ends a run that was set up well: a full disk, a lost process, a loss that is not finite; exit code 1."""

    exit_code = 1


@dataclass
class Progress:
    """How far a run has come; from the first step on an exception is a bug and keeps its traceback."""

    started: bool = False


def one_line_errors(main: Callable[_P, int]) -> Callable[_P, int]:
    """Return a `main(argv)` that reports a `UserError` as one line on stderr and returns its exit code.

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
            _report(as_typed(f'{program_name()}: error: {error}'))
            return error.exit_code
        except ModuleNotFoundError as error:
            if error.name not in _BRINGS:
                raise
            _report(as_typed(f'{program_name()}: error: {describe(error)}'))
            return USER_ERROR_CODE
        except MemoryError as error:
            _report(f'{program_name()}: error: not enough memory{f" ({error})" if str(error) else ""}')
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
def user_errors() -> Iterator[None]:
    """Raise a `UserError` for a ValueError or an OSError: the user can fix what our readers and writers raise."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise UserError(describe(error)) from error


@contextmanager
def setup_errors() -> Iterator[Progress]:
    """Raise a `UserError` in place of any exception raised before `Progress.started`, and of an `InputError` later.

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
        if (progress.started and not isinstance(error, InputError)) or os.environ.get(TRACEBACK_VARIABLE):
            raise
        raise UserError(f'{describe(error)} ({TRACEBACK_VARIABLE}=1 shows where)') from error


def describe(error: Exception) -> str:
    """Return one line from an exception: its message, and its type where the message alone does not speak.

    Example:
        >>> describe(KeyError('classes')), describe(ValueError('two  lines' + chr(10) + 'of text'))
        ("KeyError: 'classes'", 'two lines of text')
        >>> describe(PermissionError(13, 'Permission denied', 'stats.json'))
        'stats.json: Permission denied'
    """
    if isinstance(error, ModuleNotFoundError):
        if error.name in _BRINGS:
            wanted = _BRINGS[error.name]
            return f'{error.name} is not installed in {sys.executable}, and this needs it; pip install {wanted}'
        return (
            f'{error} in {sys.executable}; ./tools/setup_env.sh makes an environment that has everything, '
            'pip install . adds this package to yours'
        )
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f'{error.filename}: {error.strerror}'
    message = str(error).strip()
    if message.startswith('Failed to import custom modules'):
        message = f'{message.split(", the current sys.path")[0]}: {_root(error)}'
    if 'DataLoader worker' in message:
        message = message.splitlines()[-1].removeprefix(f'{type(error).__module__}.{type(error).__qualname__}: ')
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
