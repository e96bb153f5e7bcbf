"""A step reads and moves no more of a C x C table than the rows and columns of its classes."""

from __future__ import annotations

import pytest
import torch

from longtail_det.losses import FCBL, PCB
from longtail_det.losses.synced_rows import MAX_TABLE_CLASSES

C = 30
BASES = {'softmax': 'CrossEntropyLoss', 'seesaw': 'SeesawLoss', 'eqlv2': 'EQLv2'}


def make(name, num_classes=C):
    if name == 'fcbl':
        return FCBL(num_classes=num_classes)
    return PCB(num_classes=num_classes, base=dict(type=BASES[name]), alpha=0.3, start_epoch=0)


def table(loss):
    return loss.confusion_sum if isinstance(loss, FCBL) else loss.confusion


@pytest.mark.parametrize('deferred', [False, True])
@pytest.mark.parametrize('name', ['fcbl', *BASES])
def test_other_rows_are_neither_read_nor_moved(name, deferred, roi_batch):
    loss = make(name)
    loss.add_rows(torch.arange(C), torch.rand(C, C).softmax(1))
    batch = torch.tensor([3, 7, 20])
    others = torch.ones(C, dtype=torch.bool).index_fill(0, batch, False)
    table(loss)[others[:, None] & others] = torch.nan  # between two classes that are not there
    before = table(loss).clone()
    loss.defer_statistics(deferred)
    logits, labels = roi_batch(12, C, extra_channels=loss.extra_channels, dtype=torch.float32)
    labels = torch.where(labels < C, batch[labels % 3], C)
    value = loss(logits, labels)
    value = sum(value.values()) if isinstance(value, dict) else value
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    assert gradient.isfinite().all()
    if deferred:
        loss.flush_statistics(loss.pending_statistics().clone())
    torch.testing.assert_close(table(loss)[others], before[others], rtol=0, atol=0, equal_nan=True)
    present = labels[labels < C].unique()
    assert (table(loss)[present] != before[present]).any(1).all()


@pytest.mark.parametrize('name', ['fcbl', *BASES])
def test_a_table_above_the_stated_size_is_refused(name):
    most = f'expected at most {MAX_TABLE_CLASSES} classes, use another loss'
    with pytest.raises(ValueError, match=most):
        make(name, MAX_TABLE_CLASSES + 1)
