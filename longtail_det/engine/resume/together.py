"""What one rank finds or fails at, known to all: none waits for one that has given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from .errors import RunStoppedError

_T = TypeVar('_T')


def on_main(function: Callable[[], _T]) -> _T:
    """Return on every rank what a function returns on rank 0, which alone calls it.

    Args:
        function: of no arguments; its result can be pickled.

    Raises:
        ValueError: on every rank, where the function raised a ValueError or an OSError.
    """
    outcome: list[Any] = [None, '']
    if is_main_process():
        try:
            outcome = [function(), '']
        except (ValueError, OSError) as error:
            outcome = [None, str(error)]
    broadcast_object_list(outcome)
    if outcome[1]:
        raise ValueError(outcome[1])
    return outcome[0]


def write_together(write: Callable[[], None], what: str) -> None:
    """Let every rank write, and raise on all of them where one of them could not.

    Args:
        write: called on every rank; raises an OSError where it fails.
        what: what is written, for the message.

    Raises:
        RunStoppedError: a write failed.
    """
    failure = ''
    try:
        write()
    except OSError as error:
        failure = f'cannot write {error.filename or what}: {error.strerror or error}'
    failures = [each for each in all_gather_object(failure) if each]
    if failures:
        raise RunStoppedError(f'{failures[0]}; what was saved before is whole; make room and go on with --resume')
