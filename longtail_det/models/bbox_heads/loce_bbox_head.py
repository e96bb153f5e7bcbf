"""LOCEBBoxHead: memory-augmented feature sampling for the classes with low scores (LOCE, ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from torch import Tensor

from longtail_det.checks import whole

from .replay import Replay
from .rio_bbox_head import RIOBBoxHead


@MODELS.register_module()
class LOCEBBoxHead(RIOBBoxHead):
    """Box head that replays stored features of classes with a low mean score (LOCE, Feng et al., ICCV 2021).

    "Memory-augmented feature sampling": each training step draws `classes_per_step` classes with
    probability proportional to 1 / mean score of the loss, and `replay_per_class` stored features of each, for the
    classifier and the regressor. A drawn class counts as one object more in the mean scores of `EBL`. `LOCERoIHead`
    stores the features, those of boxes around every object; `FillBankHook` fills the bank before training.

    The authors store RoI features before the shared layers, which are frozen in this stage: stored behind them, as
    here, they give the same logits in a twelfth of the memory. Freeze the shared layers.

    Args:
        num_classes: foreground classes C, all of which have a memory.
        bank: arguments of `FeatureBank`; capacity 80 by default.
        classes_per_step: classes drawn in a step, each at most once.
        replay_per_class: features drawn of each, with replacement.
        kwargs: arguments of `RIOBBoxHead`.

    Raises:
        ValueError: a loss without mean scores, `classes_per_step` below 1, or a combination that cannot be replayed.
    """

    def __init__(
        self,
        num_classes: int,
        bank: Mapping[str, Any] | None = None,
        classes_per_step: int = 8,
        replay_per_class: int = 4,
        **kwargs: Any,
    ) -> None:
        bank = {'capacity': 80, 'target_classes': range(whole('num_classes', num_classes, 1)), **(bank or {})}
        super().__init__(
            num_classes=num_classes, bank=bank, replay_per_class=replay_per_class, strategy='repeated', **kwargs
        )
        self.classes_per_step = whole('classes_per_step', classes_per_step, 1)
        if not hasattr(self.loss_cls, 'mean_score'):
            raise ValueError(
                f'LOCEBBoxHead: loss_cls {type(self.loss_cls).__name__}; expected a loss with mean scores, '
                "loss_cls=dict(type='EBL')"
            )

    @torch.no_grad()
    def remember(self, roi_feats: Tensor, labels: Tensor, boxes: Tensor, gt_boxes: Tensor) -> None:
        """Store the features of boxes around objects.

        Args:
            roi_feats: (N, in_channels, H, W) RoI features of the boxes.
            labels: (N,) int64 in [0, C), class of the object.
            boxes: (N, 4) the boxes, in pixels.
            gt_boxes: (N, 4) boxes of the objects.
        """
        features, _ = self.branch_features(roi_feats)
        self.bank.push(features, labels, self.bbox_coder.encode(boxes, gt_boxes))

    def _draw(self, labels: Tensor, sampling_results: Sequence[Any], dtype: torch.dtype) -> Replay:
        stored = self.bank.counts > 0
        number = min(self.classes_per_step, int(stored.sum()))
        wanted = stored / self.loss_cls.mean_score[:-1]
        drawn = torch.multinomial(wanted, number) if number else labels[:0]
        features, classes, targets = self.bank.sample(drawn, self.replay_per_class, self.strategy)
        return Replay(features.to(dtype), classes, targets, None)

    def _store(self, features: Tensor, targets: Sequence[Tensor]) -> None:
        """Store nothing: what is stored are boxes around objects, by `remember`."""
