"""Looking through the wrappers of a dataset."""

from __future__ import annotations

from typing import Any


def unwrap(dataset: Any, *attributes: str) -> Any:
    """Return the outermost of a dataset and those it wraps that has one of the attributes, else the innermost.

    Args:
        dataset: any; a wrapper holds what it wraps as `dataset`.
        attributes: names of attributes.

    Example:
        >>> from types import SimpleNamespace
        >>> inner = SimpleNamespace(classes=3)
        >>> unwrap(SimpleNamespace(dataset=inner), 'classes') is inner
        True
    """
    while not any(hasattr(dataset, name) for name in attributes) and hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    return dataset
