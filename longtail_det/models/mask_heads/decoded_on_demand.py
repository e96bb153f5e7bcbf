"""Lets something that is not a tensor be used as the bool tensor that it stands for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

_BINARY = ['add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'and', 'or', 'xor']
_OPERATORS = [
    *_BINARY, *(f'r{name}' for name in _BINARY), 'ior', 'invert', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'matmul',
]  # fmt: skip


class DecodedOnDemand:
    """Mixin: functions, methods and operators of torch and numpy act on the decoded bool tensor.

    What comes out is an ordinary tensor, on the device of the other tensors of the call, or else on `device`.
    Changing values in place would change a decoded copy and is refused.
    """

    dtype = torch.bool
    #: where the results of torch are; the encodings themselves are in the memory of the host
    device = torch.device('cpu')

    @property
    @abstractmethod
    def shape(self) -> torch.Size:
        """Shape of the decoded tensor."""

    @abstractmethod
    def numpy(self) -> np.ndarray:
        """Return a bool array in the memory of the host."""

    def decode(self, device: torch.device | None = None) -> Tensor:
        """Return a bool tensor that is the caller's own, on `device` or else on `self.device`."""
        return torch.from_numpy(self.numpy()).to(self.device if device is None else device)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def dim(self) -> int:
        """Return the number of dimensions."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> torch.Size | int:
        """Return the shape, or its number at `dim`."""
        return self.shape if dim is None else self.shape[dim]

    def astype(self, dtype: Any) -> np.ndarray:
        """Return an array of numpy's `dtype`."""
        return self.numpy().astype(dtype, copy=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError('encoded masks have no array to share; np.asarray decodes them into a new one')
        return self.astype(bool if dtype is None else dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or not hasattr(Tensor, name):
            raise AttributeError(f'{type(self).__name__} has no {name!r}')
        if name.endswith('_'):
            self._refuse_change(name)
        return getattr(self.decode(), name)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse_change('assigning to an index')

    def _refuse_change(self, what: str) -> NoReturn:
        raise TypeError(
            f'{what} would change a decoded copy of masks that are encoded; change the tensor of .decode(), '
            'or set encode_masks=False in the mask_head'
        )

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function of torch with tensors."""
        device = next(
            (each.device for each in _leaves((args, kwargs)) if isinstance(each, Tensor) and each.dim()), None
        )
        return func(*_decoded(args, device), **_decoded(kwargs or {}, device))


def _leaves(value: Any) -> Iterator[Any]:
    # not isinstance: a mask is itself a dict
    if type(value) in (list, tuple, dict):
        parts: Iterable[Any] = value.values() if type(value) is dict else value
        for part in parts:
            yield from _leaves(part)
    else:
        yield value


def _decoded(value: Any, device: torch.device | None) -> Any:
    if isinstance(value, DecodedOnDemand):
        return value.decode(device)
    if type(value) in (list, tuple):
        return type(value)(_decoded(part, device) for part in value)
    if type(value) is dict:
        return {key: _decoded(part, device) for key, part in value.items()}
    return value


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: DecodedOnDemand, *others: Any) -> Any:
        return self.__torch_function__(getattr(Tensor, name), (), (self, *others))

    apply.__name__ = apply.__qualname__ = name
    return apply


for _name in _OPERATORS:
    setattr(DecodedOnDemand, f'__{_name}__', _operator(f'__{_name}__'))
