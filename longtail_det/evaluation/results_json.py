"""Reading a standard results json, record by record."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from longtail_det.annotations.json_file import JsonFile

from .lvis.detections import Detections, detection_columns

#: records from one report of progress to the next
_PROGRESS_STEP = 1000


def read_results(
    path: str | Path, metrics: Sequence[str] = ('bbox',), on_bytes: Callable[[int], object] = lambda _: None
) -> Detections:
    """Read a results json into columns; of the file a megabyte is in memory at a time.

    Args:
        path: a json list of records, see `detection_columns`.
        metrics: what will be scored.
        on_bytes: is called now and then with the number of bytes read since the last time, for a progress bar.

    Raises:
        FileNotFoundError: no file at `path`.
        ValueError: not json, no list, or a malformed record, named by its index.
    """
    with closing(_records(path, on_bytes)) as records:
        try:
            return detection_columns(records, metrics)
        except JSONDecodeError as error:
            reason = f'is not valid json ({error.msg} at byte {error.pos}); was it cut short while being copied?'
        except UnicodeDecodeError as error:
            reason = f'is not valid json ({error.reason}); is it a pickle, or an archive?'
        except ValueError as error:
            reason = f'cannot be used: {error}'
    raise ValueError(f'{path} {reason}')


def result_fields(path: str | Path) -> frozenset[str]:
    """Return the fields of the first record of a results json; none where there is no such record.

    Args:
        path: a json list of records; what else it may be, `read_results` says.

    Raises:
        FileNotFoundError: no file at `path`.
    """
    with closing(_records(path, lambda _: None)) as records:
        try:
            first = next(records, None)
        except ValueError:
            first = None
    return frozenset(first) if isinstance(first, dict) else frozenset()


def _records(path: str | Path, on_bytes: Callable[[int], object]) -> Generator[Any, None, None]:
    if not Path(path).is_file():
        raise FileNotFoundError(f'results file not found: {path}')
    with open(path, 'rb') as file:
        stream, done = JsonFile(file), 0
        if not stream.at('['):
            kind = 'dict' if stream.at('{') else type(stream.value()).__name__
            raise ValueError(f'it holds a {kind}; expected a list of result records')
        for index, record in enumerate(stream.items()):
            if index % _PROGRESS_STEP == 0:
                on_bytes(stream.position - done)
                done = stream.position
            yield record
        if not stream.at_end():
            raise JSONDecodeError('Extra data', '', stream.position)
        on_bytes(stream.position - done)
