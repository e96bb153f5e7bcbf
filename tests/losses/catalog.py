"""Every loss as a config, and the paper's formula of each written as loops; what the shared laws run over."""

from __future__ import annotations

import math

import numpy as np
import torch

from longtail_det import losses

NUM_CLASSES = 6
#: two rare, two common, two frequent classes, and one of each kind below lambda
IMAGE_COUNT = [3, 10, 40, 100, 101, 800]
STATISTICS = dict(image_count=IMAGE_COUNT, instance_count=[2 * n for n in IMAGE_COUNT], num_images=1000)
LAMBDA = 0.0505
IS_TAIL = [n / 1000 < LAMBDA for n in IMAGE_COUNT]
IS_FREQUENT = [n > 100 for n in IMAGE_COUNT]

LOSSES = {
    'acsl': dict(type='ACSL', bg_share=(0.3, 0.6, 1.0), class_statistics=STATISTICS),
    'seesaw': dict(type='SeesawLoss', return_dict=False),
    'eql': dict(type='EQL', lambda_=LAMBDA, class_statistics=STATISTICS),
    'eql-gumbel': dict(type='EQL', lambda_=LAMBDA, activation='gumbel', class_statistics=STATISTICS),
    'droploss': dict(type='DropLoss', lambda_=LAMBDA, class_statistics=STATISTICS),
    'droploss-gumbel': dict(type='DropLoss', lambda_=LAMBDA, activation='gumbel', class_statistics=STATISTICS),
    'droploss-sync': dict(type='DropLoss', lambda_=LAMBDA, sync_mu=True, class_statistics=STATISTICS),
    'eqlv2': dict(type='EQLv2'),
    'ebl': dict(type='EBL'),
    'ecm': dict(type='ECMLoss', class_statistics=STATISTICS),
    'fcbl': dict(type='FCBL'),
    'fed': dict(type='FedLoss', num_sampled=4, class_statistics=STATISTICS),
    'gap': dict(type='GAP', base=dict(type='CrossEntropyLoss')),
    'gap-eqlv2': dict(type='GAP', base=dict(type='EQLv2'), lambda_=0.3),
    'group': dict(type='GroupSoftmax', others_ratio=1.0, class_statistics=STATISTICS),
    'gumbel': dict(type='GumbelCE'),
    'gumbel-free': dict(type='GumbelCE', logit_clamp=None),
    'cra': dict(type='ClassRelativeActivations', class_statistics=STATISTICS),
    'iif': dict(type='IIFLoss', class_statistics=STATISTICS),
    'logit-adjusted': dict(type='LogitAdjustedCE', class_statistics=STATISTICS),
    'logit-adjusted-instance': dict(type='LogitAdjustedCE', tau=0.7, count='instance', class_statistics=STATISTICS),
    'pcb': dict(type='PCB', base=dict(type='CrossEntropyLoss'), alpha=0.4, start_epoch=0),
    'pcb-seesaw': dict(type='PCB', base=dict(type='SeesawLoss', q=0.0, return_dict=False), alpha=0.3, start_epoch=0),
    'pcb-eqlv2': dict(type='PCB', base=dict(type='EQLv2'), alpha=0.2, start_epoch=0),
    'sigmoid': dict(type='SigmoidCE'),
    'sigmoid-softmax': dict(type='SigmoidCE', test_activation='softmax'),
}


def build(name, **changes):
    """The loss of that name."""
    arguments = {'num_classes': NUM_CLASSES, **LOSSES[name], **changes}
    loss = getattr(losses, arguments.pop('type'))(**arguments)
    if isinstance(loss, losses.SyncedRows):  # every class was seen, and confused with every other
        classes = torch.arange(NUM_CLASSES).repeat(3)
        scores = torch.randn(3 * NUM_CLASSES, NUM_CLASSES, generator=torch.Generator().manual_seed(0)).softmax(1)
        loss.add_rows(classes, scores)
    return loss


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def gumbel(x):
    return math.exp(-math.exp(-x))


def clamped_gumbel(x):
    return gumbel(min(max(x, -4.0), 10.0))


def normal(x):
    return 0.5 * math.erfc(-min(max(x, -5.0), 5.0) / math.sqrt(2))


def binary(logits, labels, probability, weight):
    """Sum over columns of w BCE; `probability(column, x)`, `weight(row label, column, target)`."""
    rows = []
    for x_row, y in zip(np.asarray(logits).tolist(), np.asarray(labels).tolist(), strict=True):
        total = 0.0
        for j, x in enumerate(x_row):
            p, target = probability(j, x), y == j
            total -= weight(y, j, target) * (math.log(p) if target else math.log1p(-p))
        rows.append(total)
    return rows


def eql_weight(y, j, target):
    return 1.0 if target or y == NUM_CLASSES or not IS_TAIL[j] else 0.0


def softmax(logits, labels, shift):
    """Minus log of the softmax of shifted logits at the label; `shift(column, x)`."""
    rows = []
    for x_row, y in zip(np.asarray(logits).tolist(), np.asarray(labels).tolist(), strict=True):
        z = [shift(j, x) for j, x in enumerate(x_row)]
        rows.append(math.log(sum(math.exp(v - z[y]) for v in z)))
    return rows


def ecm(logits, labels):
    """The authors' surrogate: weighted exponentials of x and -x, and the weight of each column."""
    n = [*IMAGE_COUNT, 6.3313 * sum(IMAGE_COUNT)]
    rows = []
    for x_row, y in zip(np.asarray(logits).tolist(), np.asarray(labels).tolist(), strict=True):
        total = 0.0
        for j, x in enumerate(x_row):
            positive, negative = n[j] ** 0.25 * math.exp(x), (sum(n) - n[j]) ** 0.25 * math.exp(-x)
            a = (sum(n) - n[j]) / n[j]
            chosen = positive if y == j else negative
            total -= a * math.log((1 + a) / a) * math.log(chosen / (positive + negative))
        rows.append(total)
    return rows


def iif_shift(j, x):
    return x * math.log(1000 / IMAGE_COUNT[j]) if j < NUM_CLASSES else x


def adjusted(tau):
    """The share of the images is that of the instances here."""
    return lambda j, x: x + tau * math.log(IMAGE_COUNT[j] / sum(IMAGE_COUNT)) if j < NUM_CLASSES else x


PAPER = {
    'ecm': ecm,
    'iif': lambda x, y: softmax(x, y, iif_shift),
    'logit-adjusted': lambda x, y: softmax(x, y, adjusted(1.0)),
    'logit-adjusted-instance': lambda x, y: softmax(x, y, adjusted(0.7)),
    'eql': lambda x, y: binary(x, y, lambda j, v: sigmoid(v), eql_weight),
    'eql-gumbel': lambda x, y: binary(x, y, lambda j, v: clamped_gumbel(v), eql_weight),
    'gumbel': lambda x, y: binary(x, y, lambda j, v: clamped_gumbel(v), lambda *_: 1.0),
    'gumbel-free': lambda x, y: binary(x, y, lambda j, v: gumbel(v), lambda *_: 1.0),
    'cra': lambda x, y: binary(
        x, y, lambda j, v: normal(v) if j < NUM_CLASSES and IS_FREQUENT[j] else clamped_gumbel(v), lambda *_: 1.0
    ),
    'sigmoid': lambda x, y: binary(x, y, lambda j, v: sigmoid(v), lambda *_: 1.0),
}
