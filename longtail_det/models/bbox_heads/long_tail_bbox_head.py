"""mmdet's shared-FC box head for many classes, with the classifier bias that sigmoid-like losses need."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from mmdet.models.roi_heads.bbox_heads import ConvFCBBoxHead
from mmdet.registry import MODELS
from torch import Tensor, nn

from longtail_det.checks import number

from .class_deltas import ClassDeltas, can_defer
from .class_logits import ClassLogits
from .loss_inputs import LossInputs
from .many_class_boxes import ManyClassBoxes


@MODELS.register_module()
class LongTailBBoxHead(LossInputs, ManyClassBoxes, ConvFCBBoxHead):
    """Box head of two shared fully connected layers for many classes, with a chosen initial bias of the classifier.

    Parameters, `state_dict`, losses and detections are those of mmdet's `Shared2FCBBoxHead`, at a cost of box
    regression and NMS that hardly grows with the number of classes. With a thousand sigmoids a bias
    of 0 makes the loss of the first steps a thousand log 2 per RoI; the published methods start lower. Only the
    classifier's bias is set, every other initialization stays mmdet's.

    Args:
        num_shared_convs: 0, or 4 for the variant of four convolutions (`LongTail4Conv1FCBBoxHead`).
        num_shared_fcs: shared fully connected layers.
        cls_bias: initial bias of every classifier column (GOL: -2 Gumbel, -6.5 sigmoid and softmax, -3 CRA).
        prior_prob: instead of `cls_bias`, the test score every class should start with (DropLoss, EQL: 1e-3,
            a bias of -6.9); the loss says which bias that is.
        paper_init: initialize as GOL's configs really do: `fc_cls` constant (weight 1e-3, bias `cls_bias`) and,
            because their `init_cfg` replaces the head's, `fc_reg` and the shared layers as PyTorch does.
        reg_on_demand: with class-specific regression (`reg_class_agnostic=False`) by a plain linear layer, compute
            deltas only for the classes that loss, refinement and NMS ask about: `forward` then gives `ClassDeltas`.
            False, and while torch traces or exports the model: mmdet's tensor of all classes.
        cls_on_demand: with a loss that draws classes (`FedLoss`), compute in training only the logits of the drawn
            ones: `forward` then gives `ClassLogits`. The loss is the same; the logged accuracy looks at drawn classes.
        calibration: config of a `Calibration` that corrects the scores at test, such as
            `dict(type='FRACAL', strength=2.0)`; `num_classes` is filled in. Training does not use it.
        kwargs: arguments of mmdet's `ConvFCBBoxHead`. With a `NormedLinear`, `cls_predictor_cfg` may say `temperature`,
            however the installed mmdet spells it.

    Raises:
        ValueError: both `cls_bias` and `prior_prob`, a prior outside (0, 1), a loss without a prior,
            `paper_init` without `cls_bias` or with an `init_cfg` of your own, or `cls_on_demand` with a loss that
            draws no classes or a classifier that is no plain linear layer.
    """

    def __init__(
        self,
        num_shared_convs: int = 0,
        num_shared_fcs: int = 2,
        cls_bias: float | None = None,
        prior_prob: float | None = None,
        paper_init: bool = False,
        reg_on_demand: bool = True,
        cls_on_demand: bool = False,
        calibration: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if cls_bias is not None:
            number('cls_bias', cls_bias)
        if prior_prob is not None:
            number('prior_prob', prior_prob, above=0, below=1)
        if paper_init:
            if cls_bias is None or kwargs.get('init_cfg') is not None:
                raise ValueError(
                    f'paper_init=True needs cls_bias (found {cls_bias}) and no init_cfg '
                    f'(found {kwargs.get("init_cfg")}); set the one and remove the other'
                )
            kwargs['init_cfg'] = dict(type='Constant', val=1e-3, bias=cls_bias, override=dict(name='fc_cls'))
        if 'cls_predictor_cfg' in kwargs:
            kwargs['cls_predictor_cfg'] = _spelled_as_installed(kwargs['cls_predictor_cfg'])
        super().__init__(num_shared_convs=num_shared_convs, num_shared_fcs=num_shared_fcs, **kwargs)
        self.reg_on_demand = reg_on_demand
        self.cls_on_demand = cls_on_demand
        if cls_on_demand:
            self._check_cls_on_demand()
        self.calibration = None
        if calibration is not None:
            self.calibration = MODELS.build({'num_classes': self.num_classes, **calibration})
        if cls_bias is not None and prior_prob is not None:
            raise ValueError(f'both cls_bias={cls_bias} and prior_prob={prior_prob} are given; remove one')
        self.cls_bias = self._bias_of_prior(prior_prob) if prior_prob is not None else cls_bias

    def _check_cls_on_demand(self) -> None:
        classifier = getattr(self, 'fc_cls', None)
        if type(classifier) is not nn.Linear or not hasattr(self.loss_cls, 'sample_classes'):
            raise ValueError(
                f'cls_on_demand=True: found loss {type(self.loss_cls).__name__} and classifier '
                f'{type(classifier).__name__}; expected a loss that draws classes (FedLoss) and a plain Linear; '
                'remove cls_on_demand'
            )

    def _bias_of_prior(self, prior_prob: float) -> float:
        if not hasattr(self.loss_cls, 'bias_of_prior'):
            raise ValueError(
                f'prior_prob={prior_prob}: {type(self.loss_cls).__name__} has no prior bias; give cls_bias instead'
            )
        return self.loss_cls.bias_of_prior(prior_prob)

    def init_weights(self) -> None:
        """Initialize as mmdet does, then set the classifier's bias."""
        super().init_weights()
        if self.cls_bias is None:
            return
        if getattr(self.fc_cls, 'bias', None) is None:
            raise ValueError(
                f'cls_bias={self.cls_bias}: the classifier {type(self.fc_cls).__name__} has no bias; '
                'remove cls_bias and prior_prob'
            )
        nn.init.constant_(self.fc_cls.bias, self.cls_bias)

    def branch_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (N, D) inputs of the classifier and of the regressor from (N, in_channels, H, W) RoI features."""
        for conv in self.shared_convs:
            x = conv(x)
        if self.shared_fcs:
            x = self._branch(x, (), self.shared_fcs)
        return self._branch(x, self.cls_convs, self.cls_fcs), self._branch(x, self.reg_convs, self.reg_fcs)

    def _branch(self, x: Tensor, convs: Iterable[nn.Module], fcs: nn.ModuleList) -> Tensor:
        for conv in convs:
            x = conv(x)
        if x.dim() > 2 and self.with_avg_pool:
            x = self.avg_pool(x)
        x = x.flatten(1)
        for fc in fcs:
            x = self.relu(fc(x))
        return x

    def forward(self, x: Tensor) -> tuple[Tensor | ClassLogits | None, Tensor | ClassDeltas | None]:
        """Return the logits and the box deltas of RoIs, None for what the head lacks.

        Args:
            x: (N, in_channels, H, W) RoI features.

        Returns:
            (N, columns of the loss) logits and (N, B or C B) box deltas, computed or on demand (never while torch
            traces or exports the model).
        """
        x_cls, x_reg = self.branch_features(x)
        return self.classify(x_cls) if self.with_cls else None, self.regress(x_reg)

    def classify(self, features: Tensor) -> Tensor | ClassLogits:
        """Return the class logits of RoIs.

        Args:
            features: (N, D) what the classifier sees.

        Returns:
            (N, columns of the loss) logits; in training with `cls_on_demand` not computed yet, at test those of a
            calibration that works on them.
        """
        if self.cls_on_demand and self.training and can_defer(self.fc_cls):
            return ClassLogits(features, self.fc_cls)
        cls_score = self.fc_cls(features)
        return cls_score if self.calibration is None else self.calibration.adjust_logits(cls_score)

    def regress(self, features: Tensor) -> Tensor | ClassDeltas | None:
        """Return (N, B or C B) box deltas of (N, D) `features`, computed or on demand; None without a regressor."""
        if not self.with_reg:
            return None
        if self.reg_on_demand and not self.reg_class_agnostic and can_defer(self.fc_reg):
            return ClassDeltas(features, self.fc_reg, self.num_classes)
        return self.fc_reg(features)


def _spelled_as_installed(predictor: Mapping[str, Any]) -> dict[str, Any]:
    # mmdet 3.3 calls the temperature of its normalized layers `tempearture`, the maintained fork spells it right
    spelled = dict(predictor)
    if spelled.get('type') == 'NormedLinear' and 'temperature' in spelled:
        arguments = inspect.signature(MODELS.get('NormedLinear')).parameters
        spelled['tempearture' if 'tempearture' in arguments else 'temperature'] = spelled.pop('temperature')
    return spelled


@MODELS.register_module()
class LongTail4Conv1FCBBoxHead(LongTailBBoxHead):
    """`LongTailBBoxHead` of four shared convolutions and one fully connected layer (mmdet's `Shared4Conv1FCBBoxHead`).

    Args:
        kwargs: arguments of `LongTailBBoxHead`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{'num_shared_convs': 4, 'num_shared_fcs': 1, **kwargs})
