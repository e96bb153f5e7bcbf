"""IterativeBBoxHead: a box head of several passes, each on features that the one before adjusted (PCB, CVPR 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.registry import MODELS
from torch import Tensor, nn

from longtail_det.checks import numbers, whole
from longtail_det.compat.tracing import is_recording

from .class_deltas import ClassDeltas
from .class_logits import ClassLogits
from .long_tail_bbox_head import LongTailBBoxHead

#: name of the attribute of `cls_score` that holds the logits of the passes before
_EARLIER = 'earlier_passes'


@MODELS.register_module()
class IterativeBBoxHead(LongTailBBoxHead):
    """Box head of several passes over the RoIs, the iterative head of PCB (He et al., CVPR 2022).

    All passes share the layers of `LongTailBBoxHead`. After a pass the RoI features x become x S + B. S, a factor for
    each place, comes from the box deltas, and B, a summand for each channel, from the logits:
    S = MLP(deltas -> mlp_channels -> H W), B = MLP(logits -> mlp_channels -> in_channels). The classification loss is
    the sum of the passes by `pass_weights`; box loss, logged accuracy, refined boxes and detections are those of the
    last pass. It works in every RoI head of mmdet (standard, Cascade, HTC).

    With `PCB`, pass k of n softens its targets by alpha k / (n - 1), and the confusion matrix moves once a step, by the
    last pass, before the losses. Any other loss is the same in each pass, and one with a state counts every pass.

    S starts as 1 and B as 0, so that a checkpoint of `LongTailBBoxHead` keeps its detections (our choice).

    Args:
        pass_weights: weight of the classification loss of each pass; as many passes as weights, at least 2.
        mlp_channels: hidden width of both MLPs.
        kwargs: arguments of `LongTailBBoxHead`.

    Raises:
        ValueError: fewer than 2 passes, a head without classifier or regressor, or `cls_on_demand`.
        RuntimeError: `cls_score` was changed on its way to the loss.
    """

    def __init__(self, pass_weights: Sequence[float] = (0.2, 0.2, 0.6), mlp_channels: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pass_weights = numbers('pass_weights', pass_weights, low=0)
        whole('mlp_channels', mlp_channels, 1)
        if len(pass_weights) < 2 or not (self.with_cls and self.with_reg) or self.cls_on_demand:
            raise ValueError(
                f'IterativeBBoxHead: pass_weights={tuple(pass_weights)}, with_cls={self.with_cls}, '
                f'with_reg={self.with_reg}, cls_on_demand={self.cls_on_demand}; expected at least 2 weights, a '
                'classifier and a regressor, and cls_on_demand=False: each pass reads all logits and deltas'
            )
        height, width = self.roi_feat_size
        boxes = self.bbox_coder.encode_size * (1 if self.reg_class_agnostic else self.num_classes)
        self.scale_mlp = _mlp(boxes, mlp_channels, height * width, start=1.0)
        self.shift_mlp = _mlp(self._cls_channels(), mlp_channels, self.in_channels, start=0.0)

    def _cls_channels(self) -> int:
        return self.loss_cls.get_cls_channels(self.num_classes) if self.custom_cls_channels else self.num_classes + 1

    def forward(self, x: Tensor) -> tuple[Tensor | ClassLogits | None, Tensor | ClassDeltas | None]:
        """Return the logits and box deltas of the last pass; the logits carry those of the passes before.

        Args:
            x: (N, in_channels, H, W) RoI features.

        Returns:
            What `LongTailBBoxHead` returns.
        """
        earlier = []
        for _ in self.pass_weights[1:]:
            x_cls, x_reg = self.branch_features(x)
            earlier.append(self.fc_cls(x_cls))
            scale = self.scale_mlp(self.fc_reg(x_reg)).view(-1, 1, *self.roi_feat_size)
            x = x * scale + self.shift_mlp(earlier[-1])[:, :, None, None]
        cls_score, bbox_pred = super().forward(x)
        if not is_recording():
            # mmdet's RoI heads hand nothing but these two results to loss_and_target
            setattr(cls_score, _EARLIER, earlier)
        return cls_score, bbox_pred

    def loss_and_target(
        self,
        cls_score: Tensor | ClassLogits | None,
        bbox_pred: Tensor | ClassDeltas | None,
        rois: Tensor,
        sampling_results: Sequence[Any],
        rcnn_train_cfg: Any,
        concat: bool = True,
        reduction_override: str | None = None,
    ) -> dict[str, Any]:
        """Return the losses of all passes and the targets of the RoIs.

        Arguments and result are mmdet's. `cls_score` must be the very tensor that `forward` gave, and `concat` True.
        """
        earlier = getattr(cls_score, _EARLIER, None)
        if earlier is None or not concat:
            raise RuntimeError(
                f'IterativeBBoxHead got concat={concat} and a cls_score that carries '
                f'{0 if earlier is None else len(earlier)} passes; give loss_and_target concat=True and the very '
                'tensor that forward returned'
            )
        # the last pass first: PCB moves its matrix with it
        out = super().loss_and_target(
            cls_score, bbox_pred, rois, sampling_results, rcnn_train_cfg, concat, reduction_override
        )
        labels, label_weights = out['bbox_targets'][:2]
        if not len(labels):
            return out
        losses = out['loss_bbox']
        options = self.loss_options(label_weights, sampling_results, reduction_override)
        passes = [self._pass_loss(k, logits, labels, options) for k, logits in enumerate(earlier)]
        for name in passes[0]:
            each = [*(loss[name] for loss in passes), losses[name]]
            losses[name] = sum(weight * loss for weight, loss in zip(self.pass_weights, each, strict=True))
        return out

    def _pass_loss(self, k: int, logits: Tensor, labels: Tensor, options: dict[str, Any]) -> dict[str, Tensor]:
        if getattr(self.loss_cls, 'takes_pass_share', False):
            options = {**options, 'pass_share': k / (len(self.pass_weights) - 1)}
        loss = self.loss_cls(logits, labels, **options)
        return loss if isinstance(loss, dict) else {'loss_cls': loss}


def _mlp(in_channels: int, hidden: int, out_channels: int, *, start: float) -> nn.Sequential:
    """Two layers with a ReLU between them, whose output is `start` as long as the last layer has not learned."""
    last = nn.Linear(hidden, out_channels)
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, start)
    return nn.Sequential(nn.Linear(in_channels, hidden), nn.ReLU(inplace=True), last)
