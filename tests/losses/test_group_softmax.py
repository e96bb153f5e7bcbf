"""GroupSoftmax: its columns, its loss as loops over groups, and the RoIs each group keeps."""

from __future__ import annotations

import math

import pytest
import torch

from longtail_det.losses import GroupSoftmax

#: instances of each class; the groups are [0, 10) and so on, the third is empty
COUNT = [2000, 5, 10, 99, 3, 1000, 9]
STATISTICS = dict(image_count=COUNT, instance_count=COUNT, num_images=3000)
GROUPS = [[1, 4, 6], [2, 3], [], [0, 5]]
C = len(COUNT)
#: background, foreground, then "others" and the classes of each group
LAYOUT = ['bg', 'fg', 'others', 1, 4, 6, 'others', 2, 3, 'others', 'others', 0, 5]


def make(**changes):
    return GroupSoftmax(**{'num_classes': C, 'class_statistics': STATISTICS, **changes})


def cross_entropy(x, target):
    return math.log(sum(math.exp(v) for v in x)) - x[target]


def literal(logits, labels, kept):
    """Sum over groups of the mean over the RoIs kept, `kept` (group) -> RoIs of other classes."""
    rows = logits.tolist()
    total = sum(cross_entropy(row[:2], int(y != C)) for row, y in zip(rows, labels, strict=True)) / len(rows)
    first = 2
    for index, members in enumerate(GROUPS):
        size = len(members) + 1
        own = [i for i, y in enumerate(labels) if y in members]
        rois = own + kept(index, [i for i, y in enumerate(labels) if y not in members], len(own))
        terms = [
            cross_entropy(rows[i][first : first + size], members.index(labels[i]) + 1 if labels[i] in members else 0)
            for i in rois
        ]
        total += sum(terms) / len(terms) if own else 0.0
        first += size
    return total


def test_columns_are_laid_out_by_group():
    loss = make()
    assert loss.get_cls_channels(C) == len(LAYOUT)
    assert loss.column_of_class.tolist() == [LAYOUT.index(c) for c in range(C)]
    assert loss.sizes() == [2, 4, 3, 1, 3]


def test_the_loss_is_a_loop_over_groups(roi_batch):
    """With a large ratio every other RoI is kept, where the group has one of its own."""
    logits, labels = roi_batch(12, C, extra_channels=6)
    labels[labels == 3] = labels[labels == 2] = C  # the second group has no RoI
    loss = make(others_ratio=100.0)
    expected = literal(logits, labels.tolist(), lambda index, others, own: others)
    assert loss(logits, labels).item() == pytest.approx(expected)
    each = loss(logits, labels, reduction_override='none')
    assert each.mean().item() == pytest.approx(expected)
    (gradient,) = torch.autograd.grad(loss(logits, labels), logits)
    assert not gradient[:, 6:9].any(), 'no RoI of its own, no loss'


def test_a_group_keeps_floor_of_ratio_times_own_others(roi_batch):
    logits, labels = roi_batch(40, C, extra_channels=6, seed=1)
    loss = make(others_ratio=1.5)
    torch.manual_seed(0)
    draw = torch.rand(40, 4)

    def kept(index, others, own):
        return sorted(others, key=lambda i: draw[i, index])[: int(1.5 * own)]

    torch.manual_seed(0)
    assert loss(logits, labels).item() == pytest.approx(literal(logits, labels.tolist(), kept))


def test_every_other_roi_is_equally_likely_to_be_kept():
    loss = make(others_ratio=1.0, reduction='none')
    labels = torch.tensor([1, 0, 0, C, C])
    logits = torch.zeros(5, len(LAYOUT), requires_grad=True)
    hits = torch.zeros(5)
    for _ in range(400):
        (gradient,) = torch.autograd.grad(loss(logits, labels).sum(), logits)
        hits += gradient[:, 2] != 0
    assert hits[0] == 400
    torch.testing.assert_close(hits[1:] / 400, torch.full((4,), 0.25), atol=0.08, rtol=0)


def test_scores_are_softmaxes_of_groups_times_foreground(roi_batch):
    logits, _ = roi_batch(5, C, extra_channels=6)
    scores = make().get_activation(logits)
    for row, got in zip(logits.tolist(), scores.tolist(), strict=True):
        foreground = math.exp(row[1]) / (math.exp(row[0]) + math.exp(row[1]))
        for c in range(C):
            column = LAYOUT.index(c)
            first = max(j for j in range(column) if LAYOUT[j] == 'others')
            size = len(next(members for members in GROUPS if c in members)) + 1
            own = math.exp(row[column]) / sum(math.exp(v) for v in row[first : first + size])
            assert got[c] == pytest.approx(own * foreground)
        assert got[C] == pytest.approx(1 - foreground)


def test_groups_come_from_a_checkpoint(roi_batch):
    logits, _ = roi_batch(5, C, extra_channels=6)
    other = dict(STATISTICS, instance_count=[2000] * C)
    loaded = make(class_statistics=other)
    assert loaded.sizes() == [2, 1, 1, 1, C + 1]
    loaded.load_state_dict(make().state_dict())
    torch.testing.assert_close(loaded.get_activation(logits), make().get_activation(logits))
    with pytest.raises(RuntimeError, match='has no class statistics'):
        GroupSoftmax(num_classes=C).get_activation(logits)
