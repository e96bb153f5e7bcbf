"""The loader of annotations whose masks are not pixels."""

from __future__ import annotations

from typing import Any

from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import TRANSFORMS

from longtail_det.datasets.masks import DeferredMasks


@TRANSFORMS.register_module()
class LoadDeferredMasks(LoadAnnotations):
    """mmdet's `LoadAnnotations` whose `gt_masks` are `DeferredMasks`, with the values of `poly2mask=True`.

    Polygons and RLEs of both kinds are loaded; what mmdet marks as ignored (no valid polygon, no valid RLE) is ignored
    here too.

    Args:
        with_mask: load masks.
        kwargs: the other options of mmdet's, except `poly2mask`.

    Raises:
        ValueError: `poly2mask` is among the options, or an instance has no mask.
    """

    def __init__(self, with_mask: bool = True, **kwargs: Any) -> None:
        if 'poly2mask' in kwargs:
            raise ValueError(
                f'LoadDeferredMasks has no poly2mask (found {kwargs["poly2mask"]}): its masks are neither polygons nor '
                "pixels; leave it out, or use type='LoadAnnotations'"
            )
        super().__init__(with_mask=with_mask, **kwargs)

    def _load_masks(self, results: dict[str, Any]) -> None:
        for i, instance in enumerate(results.get('instances', [])):
            if 'mask' not in instance:
                raise ValueError(
                    f'{results.get("img_path", "image")}: instance {i} has no mask; correct the annotation file, or '
                    'load boxes alone with with_mask=False'
                )
        results['gt_masks'] = DeferredMasks(self._process_masks(results), *results['ori_shape'])
