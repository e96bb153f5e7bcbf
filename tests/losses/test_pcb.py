"""PCB: its matrix and its three losses as loops, and when it starts."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from longtail_det.losses import PCB, EQLv2, SeesawLoss

from .catalog import NUM_CLASSES as C

EXTRA = {'CrossEntropyLoss': 1, 'SeesawLoss': 2, 'EQLv2': 1}
BASES = pytest.mark.parametrize('kind', list(EXTRA))


def make(kind, alpha=0.4, start_epoch=0, **changes):
    return PCB(num_classes=C, base=dict(type=kind), alpha=alpha, start_epoch=start_epoch, **changes)


def moved(matrix, logits, labels, is_softmax):
    """The matrix after a batch, row by row."""
    for y in range(C):
        rois = [x[:C] for x, label in zip(logits.tolist(), labels.tolist(), strict=True) if label == y]
        if rois:
            if is_softmax:
                scores = [[math.exp(v) / sum(map(math.exp, x)) for v in x] for x in rois]
            else:
                scores = [[1 / (1 + math.exp(-v)) for v in x] for x in rois]
            mean = [sum(column) / len(rois) for column in zip(*scores, strict=True)]
            row = [0.99 * m + 0.01 * s for m, s in zip(matrix[y], mean, strict=True)]
            matrix[y] = [v / sum(row) for v in row] if is_softmax else row


def seen_everything(roi_batch, extra):
    """Batches after which every class was seen, and a last one."""
    for seed in range(4):
        logits, labels = roi_batch(20, C, extra_channels=extra, seed=seed)
        if seed == 0:
            labels[:C] = torch.arange(C)
        yield logits, labels


def total_of(loss):
    return sum(loss.values()) if isinstance(loss, dict) else loss


def cross_entropy(x, target):
    log_sum = math.log(sum(map(math.exp, x)))
    return sum(t * (log_sum - v) for t, v in zip(target, x, strict=True))


@pytest.mark.parametrize('deferred', [False, True])
@BASES
def test_matrix_and_loss_are_the_loops(kind, deferred, roi_batch):
    alpha, is_softmax = 0.4, kind != 'EQLv2'
    loss = make(kind, alpha)
    reference = {'SeesawLoss': SeesawLoss(num_classes=C), 'EQLv2': EQLv2(num_classes=C)}.get(kind)
    loss.defer_statistics(deferred)
    loss.base.defer_statistics(deferred) if kind == 'EQLv2' else None
    matrix = [[0.0] * C for _ in range(C)]
    for logits, labels in seen_everything(roi_batch, EXTRA[kind]):
        state = copy.deepcopy(loss.base)
        got = loss(logits, labels)
        moved(matrix, logits, labels, is_softmax)
        targets = []
        for y in labels.tolist():
            column = [matrix[i][y] for i in range(C)] if y < C else [0.0] * C
            targets.append([v / sum(column) for v in column] if is_softmax and y < C else column)
        expected = literal(kind, alpha, logits, labels, targets, state, reference)
        assert total_of(got).item() == pytest.approx(expected, rel=1e-5)
        if reference is not None:
            reference(logits, labels)
        for module in (loss, loss.base):
            if getattr(module, 'statistics_deferred', False):
                module.flush_statistics(module.pending_statistics().clone())
    torch.testing.assert_close(loss.confusion, torch.tensor(matrix))


def literal(kind, alpha, logits, labels, targets, state, reference):
    """The mean over RoIs."""
    total = 0.0
    if kind == 'EQLv2':
        sums = zip(state.pos_grad.tolist(), state.neg_grad.tolist(), strict=True)
        ratio = [p / (n + 1e-10) if p + n else 100.0 for p, n in sums]
        f = [1 / (1 + math.exp(-12 * (g - 0.8))) for g in ratio]
        negative, positive = [*f, 1.0], [*(1 + 4 * (1 - v) for v in f), 1.0]
    if kind == 'SeesawLoss':
        parts = copy.deepcopy(reference)(logits, labels)
        total += parts['loss_cls_objectness'].item() * len(labels)
        count = reference.cum_samples[:C] + labels.bincount(minlength=C + 1)[:C]
    for x, y, t in zip(logits.tolist(), labels.tolist(), targets, strict=True):
        hard = [float(j == y) for j in range(len(x))]
        if kind == 'CrossEntropyLoss':
            entropy = sum(v * math.log(v) for v in t if v > 0)
            soft = cross_entropy(x, [*t, 0.0]) + entropy
            total += (1 - alpha) * cross_entropy(x, hard) + alpha * soft if y < C else cross_entropy(x, hard)
        elif kind == 'SeesawLoss' and y < C:
            score = [math.exp(v) / sum(map(math.exp, x[:C])) for v in x[:C]]
            z = []
            for j in range(C):
                m = min(1.0, (max(count[j].item(), 1) / max(count[y].item(), 1)) ** 0.8)
                k = max(1.0, (score[j] / max(score[y], 1e-2)) ** 2)
                z.append(x[j] + (math.log(m * k) if j != y else 0.0))
            n_foreground = int((labels < C).sum())
            value = (1 - alpha) * cross_entropy(z, hard[:C]) + alpha * cross_entropy(z, t)
            total += value * len(labels) / n_foreground  # without avg_factor each part is a mean over its own RoIs
        elif kind == 'EQLv2':
            target = [(1 - alpha) * h + alpha * s for h, s in zip(hard, [*t, 0.0], strict=True)] if y < C else hard
            for j, v in enumerate(x):
                weight = positive[j] * target[j] + negative[j] * (1 - target[j])
                p = 1 / (1 + math.exp(-v))
                total -= weight * (target[j] * math.log(p) + (1 - target[j]) * math.log(1 - p))
    return total / len(labels)


def test_eqlv2_accumulates_softened_gradients(roi_batch):
    loss = make('EQLv2', 0.2)
    for logits, labels in seen_everything(roi_batch, 1):
        before = copy.deepcopy(loss.base)
        loss(logits, labels)
    soft, _ = loss.soft_targets(labels.clamp(max=C - 1))
    foreground = (labels < C)[:, None]
    hard = F.one_hot(labels, C + 1)[:, :C].double()
    target = torch.where(foreground, 0.8 * hard + 0.2 * soft, hard)
    ratio = before.pos_grad / (before.neg_grad + 1e-10)
    f = torch.sigmoid(12 * (ratio - 0.8)).double()
    weight = (1 + 4 * (1 - f)) * target + f * (1 - target)
    gradient = weight * (logits.detach()[:, :C].sigmoid() - target).abs()
    for name, share in (('pos_grad', target), ('neg_grad', 1 - target)):
        moved_by = (getattr(loss.base, name) - getattr(before, name)).double()
        torch.testing.assert_close(moved_by, (gradient * share).sum(0), rtol=1e-4, atol=1e-4)


@BASES
def test_it_starts_with_its_epoch_and_once_every_class_was_seen(kind, roi_batch):
    loss, plain = make(kind, start_epoch=17), make(kind, alpha=0.0)
    batches = list(seen_everything(roi_batch, EXTRA[kind]))
    for epoch, differs in ((16, False), (17, True), (24, True)):
        loss.set_epoch(epoch)
        for logits, labels in batches:
            difference = total_of(loss(logits, labels)) - total_of(plain(logits, labels))
            assert (abs(difference) > 1e-6) == differs
    missing = make(kind)
    logits, labels = batches[0]
    labels = torch.where(labels == 2, C, labels)
    expected = total_of(make(kind, alpha=0.0)(logits, labels))
    torch.testing.assert_close(total_of(missing(logits, labels)), expected)


@pytest.mark.parametrize(
    ('start_epoch', 'told', 'training', 'warnings'),
    [(17, None, True, 1), (17, 1, True, 0), (0, None, True, 0), (17, None, False, 0)],
)
def test_training_that_never_tells_the_epoch_is_warned_once(start_epoch, told, training, warnings, roi_batch, caplog):
    loss = make('CrossEntropyLoss', start_epoch=start_epoch).train(training)
    if told is not None:
        loss.set_epoch(told)
    for _ in range(2):
        loss(*roi_batch(20, C, extra_channels=1))
    assert [record.levelname for record in caplog.records] == ['WARNING'] * warnings
    assert all('LossEpochHook' in record.getMessage() for record in caplog.records)


@BASES
def test_columns_and_scores_are_those_of_the_base(kind, roi_batch):
    loss = make(kind)
    logits, labels = roi_batch(9, C, extra_channels=EXTRA[kind])
    assert loss.get_cls_channels(C) == C + EXTRA[kind]
    assert torch.equal(loss.get_activation(logits), loss.base.get_activation(logits))
    assert loss.get_accuracy(logits, labels) == loss.base.get_accuracy(logits, labels)
    copied = copy.deepcopy(loss)
    assert copied.base.soft_targets.__self__ is copied


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num_classes=C, base=dict(type='EQL'), alpha=0.1), r"base type='EQL'; expected one of \['CrossEntropy"),
        (dict(num_classes=C, base=dict(type='EQLv2'), alpha=1.1), 'alpha=1.1'),
        (
            dict(num_classes=C, base=dict(type='EQLv2', num_classes=9), alpha=0.1),
            'num_classes=9, its PCB num_classes=6',
        ),
        (dict(num_classes=5000, base=dict(type='EQLv2'), alpha=0.1), 'needs a table of 5000 x 5000'),
        (dict(num_classes=C, base=dict(type='CrossEntropyLoss', use_sigmoid=True), alpha=0.1), 'use_sigmoid=False'),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PCB(**arguments)
