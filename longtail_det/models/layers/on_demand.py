"""The output of a layer of all classes, computed for the class of each RoI once that is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NoReturn

import torch
from torch import Tensor
from typing_extensions import Self

#: features of R RoIs, and what computes one class of each from features and (R,) labels
Term = tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]


class OnDemand(ABC):
    """Stands for what a layer gives for R RoIs and all classes, and travels in its place through mmdet's RoI heads.

    Args:
        terms: features and layer; of several, the stages of a cascade, the results are averaged.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = list(terms)

    @abstractmethod
    def _like(self, terms: Sequence[Term]) -> Self:
        """Return one of other terms."""

    @abstractmethod
    def _refusal(self, what: str) -> str:
        """Return what to do where code of another head takes this for a tensor."""

    def __len__(self) -> int:
        """Return the number of RoIs R."""
        return len(self._terms[0][0])

    def pick(self, labels: Tensor) -> Tensor:
        """Compute (R, ...) outputs for one class of each RoI, (R,) int64 in [0, C); all of the layer gets gradient."""
        picked = [layer(features, labels) for features, layer in self._terms]
        return picked[0] if len(picked) == 1 else torch.stack(picked).mean(dim=0)

    def select(self, rows: Tensor | slice) -> Self:
        """Select those of some RoIs, by indices as for a tensor's first dimension."""
        return self._like([(features[rows], layer) for features, layer in self._terms])

    def split(self, sizes: Sequence[int], dim: int = 0) -> list[Self]:
        """Return consecutive parts, the RoIs of each image; `dim` is 0."""
        if dim != 0:
            self._refuse(f'split(dim={dim})')
        parts = [[(part, layer) for part in features.split(list(sizes))] for features, layer in self._terms]
        return [self._like(terms) for terms in zip(*parts, strict=True)]

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(self._refusal(name))

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(self._refusal(what))
