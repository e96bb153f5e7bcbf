"""What stands for the logits of all classes: the channel of each label, and a clear refusal of anything else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from longtail_det.models.mask_heads import LabelledMasks

from .label_heads import CLASSES, features, pair


def test_stages_are_averaged_after_the_sigmoid():
    heads, x, labels = [pair('LabelFCNMaskHead', name) for name in ('conv', 'normed')], features(5), torch.arange(5)
    stages = [[mask.sigmoid().detach()[None, :] * 1 for mask in mine(x).split([2, 3], 0)] for mine, _ in heads]
    merged = [torch.cat(parts, 0).mean(dim=0) for parts in zip(*stages, strict=True)]
    expected = torch.stack([stock(x).sigmoid() for _, stock in heads]).mean(dim=0)[range(5), labels]
    found = torch.cat([part.pick(label) for part, label in zip(merged, labels.split([2, 3]), strict=True)])
    torch.testing.assert_close(found, expected)


def test_the_channel_of_each_label_by_index():
    mine, stock = pair('LabelFCNMaskHead')
    labels = torch.tensor([0, 5, 5])
    torch.testing.assert_close(mine(features(3))[range(3), labels], stock(features(3))[range(3), labels])


@pytest.mark.parametrize(
    'use',
    [
        lambda masks: masks + 1,
        lambda masks: masks * 0.5,
        lambda masks: masks.argmax(1),
        lambda masks: masks.shape,
        lambda masks: masks.size(1),
        lambda masks: masks.split([3], 1),
        lambda masks: masks.mean(dim=1),
        lambda masks: masks[0],
        lambda masks: masks[range(2), torch.zeros(2)],
        lambda masks: masks.sigmoid().sigmoid(),
        lambda masks: torch.cat([masks, masks], 0).mean(dim=0).sigmoid(),
        lambda masks: torch.sigmoid(masks),
        lambda masks: torch.cat([masks, torch.zeros(3, CLASSES, 28, 28)]),
        lambda masks: nn.functional.interpolate(masks, scale_factor=2),
    ],
)
def test_logits_of_all_classes_are_refused(use):
    """As PointRend asks for; a wrong mask in silence would be worse."""
    masks = pair('LabelFCNMaskHead')[0](features(3))
    assert isinstance(masks, LabelledMasks)
    with pytest.raises((TypeError, AttributeError), match=r'FCNMaskHead|unsupported operand'):
        use(masks)
