"""LWSLinear: a trained classifier whose class vectors only change their length."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from longtail_det.checks import whole


@MODELS.register_module()
class LWSLinear(nn.Linear):
    """Linear layer with a learned scale per class: learnable weight scaling (Kang et al., ICLR 2020).

    logits_j = s_j (w_j . x) + b_j, with s_j = 1 at first. It is the second stage of a decoupled training: a checkpoint
    of the first stage's linear classifier loads into it under the same names, and computes the same logits; then
    `FreezeHook(trained=['roi_head.bbox_head.fc_cls.scale'])` trains the scales alone. For any mmdet box head,
    `cls_predictor_cfg=dict(type='LWSLinear')`.

    Args:
        in_features: size D of a feature.
        out_features: columns, background included.
        bias: whether there is a b_j.

    Example:
        >>> layer = LWSLinear(2, 2, bias=False)
        >>> missing, unexpected = layer.load_state_dict({'weight': torch.eye(2)})
        >>> _ = layer.scale.data.copy_(torch.tensor([[3.0], [1.0]]))
        >>> layer(torch.tensor([[1.0, 2.0]])).tolist()
        [[3.0, 2.0]]
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(whole('in_features', in_features, 1), whole('out_features', out_features, 1), bias)
        #: (out_features, 1)
        self.scale = nn.Parameter(torch.ones(out_features, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits.

        Args:
            x: (N, in_features) features.

        Returns:
            (N, out_features) logits.
        """
        return F.linear(x, self.weight * self.scale, self.bias)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Start from scales of 1 where the checkpoint is of a linear layer."""
        state_dict.setdefault(f'{prefix}scale', torch.ones_like(self.scale))
        super()._load_from_state_dict(state_dict, prefix, *args)
