"""Reads pickles of plain data, and runs nothing that such a file may hold."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

#: (module, name) as a pickle has them -> what is used in their place
Globals = Mapping[tuple[str, str], Any]

# what pickle raises on a file that is cut short or is none, by where the damage is
_GARBLED = (
    AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, OverflowError, RecursionError, TypeError,
    ValueError, pickle.UnpicklingError,
)  # fmt: skip
# protocols 0 to 2 have the names of Python 2; numpy 2 renamed numpy.core, and a file may come from either side
_RENAMED = (('__builtin__', 'builtins'), ('numpy._core', 'numpy.core'))
_TORCH = (('torch._utils', '_rebuild_tensor_v2'), ('torch', 'Size'), ('torch', 'device'))


def load_plain_pickle(path: str | Path, also: Globals | None = None, encoding: str = 'ASCII') -> Any:
    """Read a pickle of containers, numbers, text, numpy arrays and torch tensors; refuse every other.

    Args:
        path: file on this machine, of any pickle protocol.
        also: what else may be in it, by the module and name that the pickle gives; what it is called with is plain.
        encoding: of text that Python 2 wrote; 'latin1' where there are arrays.

    Returns:
        What was pickled.

    Raises:
        FileNotFoundError: no file of that name.
        ValueError: the file is cut short or no pickle, or holds anything else, which could run code.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no file {path}')
    try:
        with path.open('rb') as stream:
            return RestrictedUnpickler(stream, plain_globals() | dict(also or {}), encoding=encoding).load()
    except RefusedError as error:
        raise ValueError(
            f'{path} holds {error}, which is neither an array, a tensor nor a plain container, and unpickling it can '
            'run code; if you trust who made the file, save what it holds again as arrays'
        ) from None
    except _GARBLED as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise ValueError(
            f'{path} is no pickle, or was cut short ({path.stat().st_size} bytes; {reason:.200}); write, copy or '
            'download it again'
        ) from None


class RefusedError(pickle.UnpicklingError):
    """A pickle names something that is not on the list."""


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that finds what it is given, and no other function or class.

    Args:
        stream: the pickle.
        found: what may be in it.
        **options: of `pickle.Unpickler`.
    """

    def __init__(self, stream: Any, found: Globals, **options: Any) -> None:
        super().__init__(stream, **options)
        self._found = found

    def find_class(self, module: str, name: str) -> Any:
        """Return what the list has in the place of a global.

        Args:
            module: as the pickle has it.
            name: likewise.

        Raises:
            RefusedError: it is not on the list.
        """
        for old, new in _RENAMED:
            module = new + module.removeprefix(old) if module.startswith(old) else module
        if (module, name) in self._found:
            return self._found[module, name]
        if module.split('.')[0] == 'torch' and (found := _of_torch(module, name)) is not None:
            return found
        raise RefusedError(f'{module}.{name}')


def plain_globals() -> dict[tuple[str, str], Any]:
    """Return what pickles of containers, numbers, text and numpy arrays name."""
    rebuild_array: Any = np.zeros(0).__reduce__()[0]
    rebuild_scalar: Any = np.float64(0).__reduce__()[0]
    return {
        **{('builtins', kind.__name__): kind for kind in (set, frozenset, bytearray, complex, slice, range)},
        ('collections', 'OrderedDict'): OrderedDict,
        ('_codecs', 'encode'): _encode,
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('numpy.core.multiarray', '_reconstruct'): rebuild_array,
        ('numpy.core.multiarray', 'scalar'): rebuild_scalar,
        ('numpy.core.numeric', '_frombuffer'): _from_buffer,
    }


def _encode(text: str, encoding: str) -> bytes:
    """Return bytes, which protocols below 3 write as text."""
    if encoding != 'latin1':
        raise RefusedError(f'bytes encoded as {encoding!r}')
    return text.encode('latin1')


def _from_buffer(buffer: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> np.ndarray[Any, Any]:
    """Return an array of pickle protocol 5, as numpy's own function does."""
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


def _of_torch(module: str, name: str) -> Any:
    """Return what the pickle of a tensor names; torch is imported where there is one."""
    if (module, name) == ('torch.storage', '_load_from_bytes'):
        return _load_storage
    found = getattr(import_module(module), name) if (module, name) in _TORCH else None
    if found is None and module == 'torch':
        torch = import_module('torch')
        found = getattr(torch, name, None) if isinstance(getattr(torch, name, None), torch.dtype) else None
    return found


def _load_storage(content: bytes) -> Any:
    """Read the memory of a tensor; torch's own function would unpickle freely."""
    return import_module('torch').load(io.BytesIO(content), weights_only=True)
