"""What the test scores of a loss are made of: the form in which a calibration takes them (docs/calibration.md)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ScoreParts(NamedTuple):
    """Class logits of RoIs, and what their scores are combined with afterwards.

    Args:
        logits: (N, C + 1) logits of one softmax, background last (-inf where the softmax is over classes alone); or
            (N, C) log odds of classes that stand alone.
        softmax: which of the two.
        foreground: (N, 1) factor on the class scores, or None.
        background: (N, 1) last column of the test scores; None: that of the softmax.
    """

    logits: Tensor
    softmax: bool
    foreground: Tensor | None = None
    background: Tensor | None = None

    @classmethod
    def of_probabilities(cls, scores: Tensor) -> ScoreParts:
        """Take classes that stand alone apart.

        Args:
            scores: (N, C + 1) probabilities, last column background.
        """
        # a probability of exactly 0 or 1 gets the log odds of its neighbor, so that a product with 0 is a number
        finite = scores[:, :-1].clamp(torch.finfo(scores.dtype).tiny, 1 - torch.finfo(scores.dtype).eps / 2)
        return cls(finite.log() - torch.log1p(-finite), softmax=False, background=scores[:, -1:])

    @classmethod
    def of_objectness(cls, logits: Tensor) -> ScoreParts:
        """Take sigmoids of classes times (1 - sigmoid of background) apart.

        Args:
            logits: (N, C + 1), last column background.
        """
        background = logits[:, -1:].sigmoid()
        return cls(logits[:, :-1], softmax=False, foreground=1 - background, background=background)

    def join(self, scores: Tensor) -> Tensor:
        """Return the test scores.

        Args:
            scores: of the logits, in their shape.

        Returns:
            (N, C + 1) scores, last column background.
        """
        if self.background is None:
            return scores
        classes = scores[:, :-1] if self.softmax else scores
        classes = classes if self.foreground is None else classes * self.foreground
        return torch.cat([classes, self.background], dim=1)

    def scores(self) -> Tensor:
        """Return the (N, C + 1) test scores as they are without a calibration."""
        return self.join(self.logits.softmax(dim=-1) if self.softmax else self.logits.sigmoid())
