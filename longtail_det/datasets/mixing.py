"""A dataset that shows itself to transforms which take something from other images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mmdet.datasets import BaseDetDataset

from .image_loading import run_pipeline

#: key of `results` under which such a transform finds the dataset
DATASET = 'dataset'


class MixableDataset(BaseDetDataset):
    """mmdet's `BaseDetDataset` that hands itself to transforms with `needs_dataset = True`.

    Such a transform stands in the pipeline of the innermost dataset, so wrappers that resample need not know of it.

    Args:
        args: of `BaseDetDataset`.
        kwargs: of `BaseDetDataset`.
    """

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on an image."""
        data = self.get_data_info(idx)
        if any(getattr(transform, 'needs_dataset', False) for transform in flatten(self.pipeline.transforms)):
            data[DATASET] = self
        return run_pipeline(self.pipeline.transforms, data)


def flatten(transforms: Iterable[Any]) -> Iterator[Any]:
    """Yield transforms and those inside of them (RandomChoice and the like).

    Args:
        transforms: of a pipeline.
    """
    for transform in transforms:
        yield transform
        inner = getattr(transform, 'transforms', None)
        if isinstance(inner, Iterable):
            yield from flatten(inner)
