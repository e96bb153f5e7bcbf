"""The last layer of a mask head, computed only for the class of each RoI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.wrappers import Conv2d
from mmdet.models.layers import NormedConv2d
from torch import Tensor, nn

from longtail_det.compat.tracing import is_recording

from ..layers.on_demand import OnDemand, Term

STOCK = "use type='FCNMaskHead' or 'HTCMaskHead' for the mask head"


class LabelPredictor(nn.Module):
    """1 x 1 convolution from features to C mask channels, of which only the one of each RoI's class is ever computed.

    Holds the parameters of the convolution that it replaces, under the same names.

    Args:
        conv: mmdet's predictor: `Conv`, or `NormedConv2d` with its temperature, power and eps.

    Raises:
        ValueError: another kind of layer, or one that is no plain 1 x 1 convolution.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, conv: Any) -> None:
        super().__init__()
        if type(conv) not in (nn.Conv2d, Conv2d, NormedConv2d):
            raise ValueError(
                f'mask_head.predictor_cfg builds a {type(conv).__name__}; expected Conv or NormedConv2d. '
                f'For other layers {STOCK}'
            )
        geometry = (conv.kernel_size, conv.stride, conv.padding, conv.groups)
        if geometry != ((1, 1), (1, 1), (0, 0), 1):
            raise ValueError(
                f'mask_head.predictor_cfg builds a convolution with kernel, stride, padding, groups = {geometry}; '
                f'expected a plain 1 x 1 convolution. For others {STOCK}'
            )
        self.weight = conv.weight
        self.register_parameter('bias', conv.bias)
        self.normed = isinstance(conv, NormedConv2d)
        if self.normed:
            # mmdet 3.3 spells it so, the maintained fork spells it right
            self.temperature = conv.tempearture if hasattr(conv, 'tempearture') else conv.temperature
            self.power, self.eps = conv.power, conv.eps

    def forward(self, features: Tensor) -> LabelledMasks | Tensor:
        """Return what gives the logits of one class per RoI; while the model is traced or exported all of them.

        Args:
            features: (R, K, h, w) upsampled features of the RoIs.
        """
        return self.dense(features) if is_recording() else LabelledMasks([(features, self.pick)])

    def dense(self, features: Tensor) -> Tensor:
        """Compute the (R, C, h, w) logits of all classes from (R, K, h, w) features."""
        rows = self._rows(slice(None), features.dtype)
        logits = F.conv2d(features, rows[:, :, None, None])
        if self.normed:
            logits = logits * (self.temperature / self._length(features))[:, None]
        return logits if self.bias is None else logits + self.bias[:, None, None]

    def pick(self, features: Tensor, labels: Tensor) -> Tensor:
        """Compute the (R, h, w) logits of one class per RoI, (R,) int64 in [0, C), from (R, K, h, w) features."""
        rows = self._rows(labels, features.dtype)
        logits = torch.bmm(rows[:, None], features.flatten(2)).view(len(features), *features.shape[2:])
        if self.normed:
            # the length of a feature divides the one logit instead of the K numbers of the feature
            logits = logits * (self.temperature / self._length(features))
        if self.bias is not None:
            logits = logits + self.bias[labels][:, None, None]
        return logits

    def _rows(self, labels: Tensor | slice, dtype: torch.dtype) -> Tensor:
        rows = self.weight.flatten(1)[labels]
        return (rows / self._length(rows)[:, None]).to(dtype) if self.normed else rows

    def _length(self, x: Tensor) -> Tensor:
        # float32 at least: with the tiny eps alone the quotient would overflow in half precision
        dtype = torch.promote_types(x.dtype, torch.float32)
        return torch.linalg.vector_norm(x, dim=1, dtype=dtype).pow(self.power) + self.eps

    def extra_repr(self) -> str:
        """Return the sizes for `print(model)`."""
        normed = f', temperature={self.temperature}, power={self.power}' if self.normed else ''
        return f'{self.weight.size(1)}, {self.weight.size(0)}, bias={self.bias is not None}{normed}'


class LabelledMasks(OnDemand):
    """Mask logits (R, C, h, w); `pick` gives the (R, h, w) logits of one class per RoI.

    Knows what mmdet's RoI heads do with logits before they hand them to the mask head: split them by image, take the
    sigmoid, average over the stages of a cascade, or take the channel of each RoI's label by `masks[range(R), labels]`.

    Args:
        terms: features (R, K, h, w) and the predictor of each stage; more than one are averaged.
        activated: whether the sigmoid has been asked for; `pick` then gives values in [0, 1].
    """

    def __init__(self, terms: Sequence[Term], activated: bool = False) -> None:
        super().__init__(terms)
        self._activated = activated

    def _like(self, terms: Sequence[Term]) -> LabelledMasks:
        return LabelledMasks(terms, self._activated)

    def size(self, dim: int) -> int:
        """Return the number of RoIs; only `dim` 0 is supported."""
        if dim != 0:
            self._refuse(f'size({dim})')
        return len(self)

    def sigmoid(self) -> LabelledMasks:
        """Return what gives probabilities."""
        if self._activated or len(self._terms) > 1:
            self._refuse('sigmoid of an average or a sigmoid')
        ((features, predictor),) = self._terms
        return LabelledMasks([(features, lambda x, labels: predictor(x, labels).sigmoid())], activated=True)

    def detach(self) -> LabelledMasks:
        """Return it with the features off the graph, to pick masks for a prediction."""
        return self._like([(features.detach(), predictor) for features, predictor in self._terms])

    def mean(self, dim: int) -> LabelledMasks:
        """Return the average over the stages, put side by side by `torch.cat`; only `dim` 0 is supported."""
        if dim != 0:
            self._refuse(f'mean(dim={dim})')
        return self

    def __mul__(self, weight: float) -> LabelledMasks:
        if weight != 1:
            self._refuse(f'a weight of {weight} for one stage')
        return self

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2:
            if key == (None, slice(None)):
                return self  # a new leading dimension, for the stages
            rois, labels = key
            if isinstance(rois, range) and rois == range(len(self)) and isinstance(labels, Tensor):
                return self.pick(labels)
        self._refuse(f'[{key}]')

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> LabelledMasks:
        """Return the stages of a cascade side by side; every other function of torch needs the full logits."""
        if func is not torch.cat or not all(isinstance(stage, LabelledMasks) for stage in args[0]):
            raise TypeError(_refusal(getattr(func, '__name__', str(func))))
        return args[0][0]._like([term for stage in args[0] for term in stage._terms])

    def _refusal(self, what: str) -> str:
        return _refusal(what)


def _refusal(what: str) -> str:
    return (
        f'{what}: the RoI head wants the mask logits of all classes, but a label mask head computes only those of '
        f"each RoI's own class; {STOCK}"
    )
