"""A stand-in for detectron2's `FastRCNNOutputLayers`, which no package registry offers.

It has the attributes and the order of calls that detectron2 documents: `losses` asks `sigmoid_cross_entropy_loss` where
`use_sigmoid_ce` is set, `inference` asks `predict_probs` and drops the last column.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class FastRCNNOutputLayers(nn.Module):
    def __init__(self, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.use_sigmoid_ce = False
        self.loss_weight = dict(loss_cls=2.0)
        self.cls_score = nn.Linear(input_size, num_classes + 1)
        self.bbox_pred = nn.Linear(input_size, 4 * num_classes)

    def forward(self, x):
        return self.cls_score(x), self.bbox_pred(x)

    def losses(self, predictions, proposals):
        scores, deltas = predictions
        gt_classes = torch.cat([each.gt_classes for each in proposals])
        if self.use_sigmoid_ce:
            loss_cls = self.sigmoid_cross_entropy_loss(scores, gt_classes)
        else:
            loss_cls = F.cross_entropy(scores, gt_classes)
        losses = dict(loss_cls=loss_cls, loss_box_reg=deltas.abs().mean())
        return {name: value * self.loss_weight.get(name, 1.0) for name, value in losses.items()}

    def sigmoid_cross_entropy_loss(self, pred_class_logits, gt_classes):
        target = F.one_hot(gt_classes, self.num_classes + 1)[:, :-1].to(pred_class_logits)
        loss = F.binary_cross_entropy_with_logits(pred_class_logits[:, :-1], target, reduction='none')
        return loss.sum() / len(target)

    def predict_probs(self, predictions, proposals):
        scores, _ = predictions
        probs = scores.sigmoid() if self.use_sigmoid_ce else scores.softmax(dim=-1)
        return probs.split([len(each) for each in proposals])

    def inference(self, predictions, proposals):
        return [probs[:, :-1].max(dim=1) for probs in self.predict_probs(predictions, proposals)]
