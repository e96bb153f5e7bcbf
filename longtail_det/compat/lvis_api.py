"""The `lvis` package, made to run with numpy 1.26 to 2.x."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Any

import numpy as np


class _NumpyWithFloat(ModuleType):
    """numpy as `lvis.eval` knew it: with `np.float`, which numpy dropped in 1.24."""

    float = float

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def import_lvis() -> tuple[type[Any], type[Any], type[Any]]:
    """Import the LVIS API without changing numpy or the logging of the program.

    Returns:
        The classes `LVIS`, `LVISEval` and `LVISResults`.

    Raises:
        ImportError: lvis is missing, or something that it imports is.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        lvis, lvis_eval = importlib.import_module('lvis'), importlib.import_module('lvis.eval')
    except ImportError as error:
        raise ImportError(f"the LVIS API cannot be imported ({error}); run pip install 'lvis>=0.5.3'") from error
    finally:
        # lvis calls logging.basicConfig when it is imported
        root.handlers[:], root.level = handlers, level
    lvis_eval.np = _NumpyWithFloat('numpy')  # type: ignore[attr-defined]
    # It warns at every evaluation that it trusts the format of the results.
    logging.getLogger('lvis.results').setLevel(logging.ERROR)
    return lvis.LVIS, lvis.LVISEval, lvis.LVISResults
