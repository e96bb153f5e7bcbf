"""Reads a pickle of numpy arrays, and runs nothing that such a file may hold."""

from __future__ import annotations

import codecs
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# what pickle raises on a file that is cut short or is none, by where the damage is
_GARBLED = (AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, TypeError, ValueError)


def load_array_pickle(path: str | Path) -> Any:
    """Read a `.pkl` of plain containers, numbers, text and numpy arrays, as detectron2's model zoo has them.

    Args:
        path: file on this machine, of any pickle protocol; text of Python 2 is read as latin-1.

    Returns:
        What was pickled.

    Raises:
        FileNotFoundError: no file of that name.
        ValueError: the file is cut short or no pickle, or holds anything else, which could run code.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint not found: {path}')
    try:
        with path.open('rb') as stream:
            return _ArrayUnpickler(stream, encoding='latin1').load()
    except _RefusedError as error:
        raise ValueError(
            f'{path} holds {error}, which is no numpy array and no plain container, and unpickling it can run code; '
            "if you trust who made the file, save its 'model' again as a dict of numpy arrays"
        ) from None
    except (pickle.UnpicklingError, *_GARBLED) as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) cannot be read as a pickle of arrays ({reason}); was it cut short '
            'while being copied or downloaded? Fetch it again'
        ) from None


class _RefusedError(Exception):
    """A global that is not on the list."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # numpy 2 renamed numpy.core to numpy._core; a file may come from either side
        found = _allowed().get((module.replace('numpy._core', 'numpy.core'), name))
        if found is None:
            raise _RefusedError(f'{module}.{name}')
        return found


def _allowed() -> dict[tuple[str, str], Callable[..., Any]]:
    rebuild_array: Any = np.zeros(0).__reduce__()[0]
    rebuild_scalar: Any = np.float64(0).__reduce__()[0]
    return {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('numpy.core.multiarray', '_reconstruct'): rebuild_array,
        ('numpy.core.multiarray', 'scalar'): rebuild_scalar,
        ('numpy.core.numeric', '_frombuffer'): _from_buffer,
        ('collections', 'OrderedDict'): OrderedDict,
        # bytes, in protocols below 3
        ('_codecs', 'encode'): codecs.encode,
    }


def _from_buffer(buffer: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> np.ndarray[Any, Any]:
    """Return an array of pickle protocol 5, as numpy's own function does."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)
