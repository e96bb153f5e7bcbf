"""LOCERoIHead: gives the memory of LOCE the features around every object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.models.utils import unpack_gt_instances
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi, get_box_tensor
from torch import Tensor

from ..memory import NUM_JITTERED, jittered_boxes


@MODELS.register_module()
class LOCERoIHead(StandardRoIHead):
    """mmdet's `StandardRoIHead` that first stores what surrounds each object of a step, for `LOCEBBoxHead`.

    Args:
        kwargs: arguments of mmdet's `StandardRoIHead`; its `bbox_head` is a `LOCEBBoxHead`.
    """

    def loss(
        self, x: tuple[Tensor, ...], rpn_results_list: Sequence[Any], batch_data_samples: Sequence[Any]
    ) -> dict[str, Tensor]:
        """Store, then compute the losses.

        Args:
            x: feature maps.
            rpn_results_list: proposals of each image.
            batch_data_samples: with the objects of each image.

        Returns:
            The losses by name.
        """
        if self.training:
            self.remember_objects(x, batch_data_samples)
        return super().loss(x, rpn_results_list, batch_data_samples)

    @torch.no_grad()
    def remember_objects(self, x: tuple[Tensor, ...], batch_data_samples: Sequence[Any]) -> None:
        """Store the features of 16 boxes around each object.

        Args:
            x: feature maps.
            batch_data_samples: with the objects of each image; ignored ones are left out.
        """
        instances = unpack_gt_instances(batch_data_samples)[0]
        gt_boxes = [get_box_tensor(each.bboxes) for each in instances]
        boxes = [
            jittered_boxes(own, sample.img_shape).flatten(0, 1)
            for own, sample in zip(gt_boxes, batch_data_samples, strict=True)
        ]
        rois = bbox2roi(boxes)
        features = self.bbox_roi_extractor(x[: self.bbox_roi_extractor.num_inputs], rois)
        labels = torch.cat([each.labels for each in instances]).repeat_interleave(NUM_JITTERED)
        self.bbox_head.remember(features, labels, rois[:, 1:], torch.cat(gt_boxes).repeat_interleave(NUM_JITTERED, 0))
