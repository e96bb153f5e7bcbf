"""The losses as the released code computes them, written again from the published formulas; ours is timed against it.

Each builds the (N, K) target and weight matrices in full and leaves the gradient to autograd, as the originals do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def one_hot(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(N, K) target; a label K has no column."""
    target = logits.new_zeros(len(labels), logits.size(1) + 1)
    target[torch.arange(len(labels), device=labels.device), labels] = 1
    return target[:, : logits.size(1)]


class EQLv2(torch.nn.Module):
    """Weighted BCE, then the gradients of positives and negatives collected in a second pass."""

    def __init__(self, num_classes: int, gamma: float = 12.0, mu: float = 0.8, alpha: float = 4.0) -> None:
        super().__init__()
        self.gamma, self.mu, self.alpha = gamma, mu, alpha
        self.register_buffer('pos_grad', torch.zeros(num_classes))
        self.register_buffer('neg_grad', torch.zeros(num_classes))
        self.register_buffer('ratio', torch.full((num_classes,), 100.0))

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch; moves the counters."""
        target = one_hot(logits, labels)
        f = 1 / (1 + torch.exp(-self.gamma * (self.ratio - self.mu)))
        one = f.new_ones(1)
        pos_w = torch.cat([1 + self.alpha * (1 - f), one]).view(1, -1).expand_as(logits)
        neg_w = torch.cat([f, one]).view(1, -1).expand_as(logits)
        weight = pos_w * target + neg_w * (1 - target)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
        self.collect(logits.detach(), target, weight.detach())
        return (loss * weight).sum() / len(labels)

    def collect(self, logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> None:
        """Add this batch's gradients."""
        probability = torch.sigmoid(logits)
        gradient = torch.abs(target * (probability - 1) + (1 - target) * probability)
        self.pos_grad += torch.sum(gradient * target * weight, dim=0)[:-1]
        self.neg_grad += torch.sum(gradient * (1 - target) * weight, dim=0)[:-1]
        self.ratio = self.pos_grad / (self.neg_grad + 1e-10)


def gumbel_ce(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """BCE of Gumbel probabilities, and the clamp of the reduced loss."""
    target = one_hot(logits, labels)
    probability = torch.exp(-torch.exp(-torch.clamp(logits, min=-4, max=10)))
    loss = F.binary_cross_entropy(probability, target, reduction='none')
    return torch.clamp(loss.sum() / len(labels), min=0, max=20)


def drop_loss(logits: torch.Tensor, labels: torch.Tensor, is_tail: torch.Tensor, gumbel: bool = False) -> torch.Tensor:
    """DropLoss with its weight matrix, one Bernoulli draw for each (RoI, class)."""
    target = one_hot(logits, labels)
    num_rois, num_classes = logits.shape
    foreground = (labels < num_classes).to(logits.dtype)
    exclusion = foreground.view(-1, 1).expand(num_rois, num_classes)
    threshold = is_tail.to(logits.dtype).view(1, -1).expand(num_rois, num_classes)
    mu = is_tail[labels[labels < num_classes]].float().mean()
    kept = torch.bernoulli(mu.expand(num_rois, num_classes))
    background_weight = 1 - (1 - exclusion) * threshold * (1 - kept)
    weight = (1 - exclusion * threshold * (1 - target)) * background_weight
    if gumbel:
        probability = torch.exp(-torch.exp(-torch.clamp(logits, min=-4, max=10)))
        loss = F.binary_cross_entropy(probability, target, reduction='none')
    else:
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    return torch.sum(loss * weight) / num_rois


def eql(logits: torch.Tensor, labels: torch.Tensor, is_tail: torch.Tensor) -> torch.Tensor:
    """EQL with its weight matrix."""
    target = one_hot(logits, labels)
    exclusion = (labels < logits.size(1)).to(logits.dtype).view(-1, 1).expand_as(logits)
    threshold = is_tail.to(logits.dtype).view(1, -1).expand_as(logits)
    weight = 1 - exclusion * threshold * (1 - target)
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    return torch.sum(loss * weight) / len(labels)
