"""CosineLinear: a classifier that looks at directions only, with a learned scale per class."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from torch import Tensor, nn

from longtail_det.checks import number, whole


@MODELS.register_module()
class CosineLinear(nn.Module):
    """Cosine classifier with a learnable scale per class (as used in RIO, Chang et al., ICML 2021, arXiv:2104.05702).

    logits = temperature * g_c * cos(v_c, x): neither the length of a feature nor that of a class vector matters, so a
    class cannot win by having been updated often. For any mmdet box head,
    `cls_predictor_cfg=dict(type='CosineLinear', temperature=48.0)`. There is no bias: with `cls_bias` or `prior_prob`
    our heads say so. A zero vector has cosine 0 with everything, and a finite gradient.

    It starts as PyTorch's weight normalization of a linear layer does: g_c is the length of v_c (0.577 on average, for
    any D), so the first logits are temperature * v_c . x / |x|.

    Args:
        in_features: size D of a feature.
        out_features: columns; every one of them, background and objectness too, is a cosine.
        temperature: factor on all cosines, > 0; a logit stays within temperature * |g_c|.

    Raises:
        ValueError: a temperature that is not positive.

    Example:
        >>> layer = CosineLinear(2, 1, temperature=48.0)
        >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 0.0]]))
        >>> _ = layer.scale.data.fill_(1.0)
        >>> layer(torch.tensor([[0.1, 0.0], [0.0, 7.0]])).tolist()
        [[48.0], [0.0]]
    """

    def __init__(self, in_features: int, out_features: int, temperature: float = 48.0) -> None:
        super().__init__()
        self.in_features = whole('in_features', in_features, 1)
        self.out_features = whole('out_features', out_features, 1)
        self.temperature = number('temperature', temperature, above=0)
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.scale = nn.Parameter(torch.empty(out_features))
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the class vectors as `nn.Linear` does, and set every scale to the length of its vector."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        with torch.no_grad():
            self.scale.copy_(torch.linalg.vector_norm(self.weight, dim=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled cosines.

        Args:
            x: (N, in_features) features, any float dtype; lengths are taken in float32 at least.

        Returns:
            (N, out_features) logits.
        """
        with torch.autocast(x.device.type, enabled=False):
            # the scale goes into the weight: C rows to multiply instead of N x C logits
            weight = _unit(self.weight) * (self.temperature * self.scale.to(_lifted(self.scale)))[:, None]
            unit = _unit(x)
        # outside: under autocast the product of unit vectors may run in half precision
        return F.linear(unit, weight.to(unit.dtype))

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'in_features={self.in_features}, out_features={self.out_features}, temperature={self.temperature}'


def _lifted(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _unit(x: Tensor) -> Tensor:
    x = x.to(_lifted(x))
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    # dividing by 1 instead of a tiny epsilon: a zero vector would else get a gradient of 1 / epsilon
    return x / length.masked_fill(length == 0, 1.0)
