"""RIOBBoxHead: object-level resampling by replaying stored RoI features of rare classes (RIO, ICML 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.models.losses import accuracy
from mmdet.registry import MODELS
from torch import Tensor

from longtail_det.checks import whole

from ..memory import SAMPLE_STRATEGIES, FeatureBank
from .class_deltas import ClassDeltas
from .class_logits import ClassLogits
from .long_tail_bbox_head import LongTailBBoxHead
from .loss_inputs import object_ids
from .replay import Replay, draw_replay, may_pad, regress_own_class

#: name of the attribute of `cls_score` that holds the RoI features it was computed from
_FEATURES = 'roi_features'


@MODELS.register_module()
class RIOBBoxHead(LongTailBBoxHead):
    """Box head that replays stored features of rare classes (RIO, Chang et al., ICML 2021, arXiv:2104.05702).

    Each training step, in this order: for every target class among the foreground RoIs take up to `replay_per_class`
    stored features and append them, with their labels and box targets, to the batch of the classifier (and of the
    regressor); then store this step's RoIs of target classes. Gradient of replayed rows reaches the two last layers
    only. Losses are averages over all rows, replayed ones included; logged accuracies are of this step's RoIs alone.
    The bank changes only when a loss is computed in training mode. Each Cascade or HTC stage has its own.

    Any classification loss composes. One with a state (`SeesawLoss`'s sample counts, `EQLv2`'s gradients) sees
    replayed rows like all others, so it counts them; the paper has no such loss. `EBL` is told the object of each RoI;
    the replayed rows of a class count as one object more, as in LOCE.

    Args:
        bank: arguments of `FeatureBank`: `capacity`, `dtype`, `target_classes`.
        replay: False: the parent head, without a bank.
        replay_per_class: most features of a class in a step.
        strategy: 'recent', the latest stored; 'random', without replacement; or 'repeated', with replacement.
        replay_reg: also replay boxes.
        kwargs: arguments of `LongTailBBoxHead`. The paper's classifier is
            `cls_predictor_cfg=dict(type='CosineLinear', temperature=48.0)`.

    Raises:
        ValueError: a combination that cannot be replayed; the message says which.
        RuntimeError: trained without target classes, or `cls_score` was changed on its way to the loss.
    """

    def __init__(
        self,
        bank: Mapping[str, Any] | None = None,
        replay: bool = True,
        replay_per_class: int = 20,
        strategy: str = 'recent',
        replay_reg: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.replay = replay
        self.replay_per_class = whole('replay_per_class', replay_per_class, 1)
        self.strategy = strategy
        self.replay_reg = replay_reg
        if replay:
            self._check()
            self.bank = FeatureBank(self.num_classes, self.cls_last_dim, self.bbox_coder.encode_size, **(bank or {}))

    def _check(self) -> None:
        if self.strategy not in SAMPLE_STRATEGIES or self.replay_per_class < 1:
            raise ValueError(
                f'RIOBBoxHead: strategy={self.strategy!r}, replay_per_class={self.replay_per_class}; expected one of '
                f'{SAMPLE_STRATEGIES} and at least 1'
            )
        if self.cls_on_demand:
            raise ValueError('RIOBBoxHead replays rows of all logits; set cls_on_demand=False, or replay=False')
        names = ('num_cls_convs', 'num_cls_fcs', 'num_reg_convs', 'num_reg_fcs')
        branches = {name: getattr(self, name) for name in names}
        if not self.with_cls or any(branches.values()):
            raise ValueError(
                f'RIOBBoxHead stores the features of shared layers for its classifier; found with_cls={self.with_cls}, '
                f'{branches}; set with_cls=True and the others to 0, or replay=False'
            )
        if self.replay_reg and (self.reg_decoded_bbox or getattr(self.loss_bbox, 'reduction', 'mean') != 'mean'):
            raise ValueError(
                'RIOBBoxHead: a box target is replayed as encoded deltas in a mean over rows; set replay_reg=False, or '
                f'reg_decoded_bbox=False (found {self.reg_decoded_bbox}) and loss_bbox.reduction="mean"'
            )

    def forward(self, x: Tensor) -> tuple[Tensor | ClassLogits, Tensor | ClassDeltas | None]:
        """Return what the parent returns; in training the logits carry the features for `loss_and_target`."""
        x_cls, x_reg = self.branch_features(x)
        cls_score = self.classify(x_cls)
        if self.replay and self.training:
            # labels are known only in loss_and_target, to which mmdet's RoI heads hand nothing but these two results.
            # The features travel on the tensor and die with it; kept on the module they would outlive their step.
            setattr(cls_score, _FEATURES, x_cls.detach())
        return cls_score, self.regress(x_reg)

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
        """Return losses of the RoIs and of the replayed rows, and the targets of the RoIs; then store the RoIs.

        Arguments and result are mmdet's. `cls_score` must be the very tensor that `forward` gave, and while replaying
        `concat` True and `reduction_override` None.
        """
        if not (self.replay and self.training):
            return super().loss_and_target(
                cls_score, bbox_pred, rois, sampling_results, rcnn_train_cfg, concat, reduction_override
            )
        assert isinstance(cls_score, Tensor), 'refused with cls_on_demand'
        if not concat or reduction_override is not None:
            raise ValueError(
                f'RIOBBoxHead got concat={concat}, reduction_override={reduction_override!r}; it can replay only with '
                'True and None, set replay=False'
            )
        targets = self.get_targets(sampling_results, rcnn_train_cfg)
        features = self._features_of(cls_score)
        replay = self._draw(targets[0], sampling_results, features.dtype)
        objects = self._objects(sampling_results, replay)
        if len(replay) or objects:
            pos_weight = rcnn_train_cfg.pos_weight
            losses = self._cls_losses(cls_score, targets[0], targets[1], replay, pos_weight, **objects)
            losses.update(self._reg_losses(bbox_pred, rois, targets, replay))
        else:
            losses = self.loss(cls_score, bbox_pred, rois, *targets)
        self._store(features, targets)
        return {'loss_bbox': losses, 'bbox_targets': targets}

    def _draw(self, labels: Tensor, sampling_results: Sequence[Any], dtype: torch.dtype) -> Replay:
        """Take the stored rows for a step with these labels."""
        return draw_replay(
            self.bank,
            labels,
            sampling_results,
            num_per_class=self.replay_per_class,
            strategy=self.strategy,
            padded=may_pad(self.loss_cls, labels),
            dtype=dtype,
        )

    def _store(self, features: Tensor, targets: Sequence[Tensor]) -> None:
        """Store the RoIs of a step whose loss was computed."""
        self.bank.push(features, targets[0], targets[2])

    def _objects(self, sampling_results: Sequence[Any], replay: Replay) -> dict[str, Tensor]:
        """Return the object of each row for a loss that asks; replayed rows of a class are one object more."""
        if not getattr(self.loss_cls, 'takes_object_ids', False):
            return {}
        replayed = replay.labels + sum(result.num_gts for result in sampling_results)
        return {'object_ids': torch.cat([object_ids(sampling_results), replayed])}

    @staticmethod
    def _features_of(cls_score: Tensor) -> Tensor:
        features = getattr(cls_score, _FEATURES, None)
        if features is None:
            raise RuntimeError(
                f'RIOBBoxHead: cls_score of shape {tuple(cls_score.shape)} carries no RoI features; give '
                'loss_and_target the very tensor that forward returned in training mode, or set replay=False'
            )
        return features

    def _cls_losses(
        self,
        cls_score: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        replay: Replay,
        pos_weight: float,
        **objects: Tensor,
    ) -> dict[str, Tensor]:
        # a replayed row weighs what mmdet gives a foreground RoI
        weight = replay.mask(label_weights.new_full((len(replay),), pos_weight if pos_weight > 0 else 1.0))
        weights = torch.cat([label_weights, weight])
        loss = self.loss_cls(
            torch.cat([cls_score, self.fc_cls(replay.features)]),
            torch.cat([labels, replay.labels]),
            weights,
            avg_factor=(weights > 0).sum().float().clamp(min=1),
            **objects,
        )
        losses = dict(loss) if isinstance(loss, dict) else {'loss_cls': loss}
        if self.custom_activation:
            return losses | self.loss_cls.get_accuracy(cls_score, labels)
        return losses | {'acc': accuracy(cls_score, labels)}

    def _reg_losses(
        self,
        bbox_pred: Tensor | ClassDeltas | None,
        rois: Tensor,
        targets: tuple[Tensor, Tensor, Tensor, Tensor],
        replay: Replay,
    ) -> dict[str, Tensor]:
        losses = self.loss(None, bbox_pred, rois, *targets)
        if self.replay_reg and losses:
            pred = regress_own_class(
                self.fc_reg, replay.features, replay.labels, self.num_classes, self.bbox_coder.encode_size
            )
            replayed = replay.mask(self.loss_bbox(pred, replay.targets, reduction_override='none')).sum()
            # mmdet averages box losses over all rows, background too
            rows = len(rois)
            losses['loss_bbox'] = (losses['loss_bbox'] * rows + replayed) / (rows + replay.number)
        return losses
