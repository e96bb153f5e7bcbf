"""The class-aware sampler of `longtail_det.sampling` by name in a config."""

from __future__ import annotations

from typing import Any

from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed

from longtail_det import sampling

from ..image_labels import read_image_labels


@DATA_SAMPLERS.register_module()
class InfiniteClassAwareSampler(sampling.ClassAwareSampler):
    """`longtail_det.sampling.ClassAwareSampler` for IterBasedTrainLoop.

    mmdet's `ClassAwareSampler` draws the same way, with epochs and a shuffle for each rank.

    Args:
        dataset: any initialized dataset whose images have classes (`LVISDataset`, or one with `get_cat_ids`).
        seed: of every draw; None (default) for one that the ranks agree on.

    Raises:
        TypeError: the classes of the images cannot be read.
        ValueError: no image has a class.
    """

    def __init__(self, dataset: Any, *, seed: int | None = None) -> None:
        self.dataset = dataset
        rank, world_size = get_dist_info()
        seed = sync_random_seed() if seed is None else seed
        super().__init__(read_image_labels(dataset), seed=seed, rank=rank, world_size=world_size)
