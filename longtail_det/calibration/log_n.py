"""LogN: normalization of the logits (Zhao et al., 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.functional.calibration import logn

from .base import Calibration
from .logit_statistics import LogitStatistics


class LogN(Calibration):
    """LogN: at test each class logit becomes (x_j - mean_j + least mean) / sd_j (Zhao et al., 2022).

    Background and objectness stay. Mean and standard deviation are those over the RoIs of training batches, gathered by
    one pass with the weights frozen: `longtail-det calibrate --calibration logn`, or
    `engine.collect_logit_statistics`. Each stage of a cascade has its own. The released code also overwrites the mean
    of background at the first test; that is not ported.

    Args:
        num_classes: foreground classes C.
        momentum: None: exact statistics; 5e-5: the running ones of the released code.
    """

    def __init__(self, num_classes: int, momentum: float | None = None) -> None:
        super().__init__(num_classes)
        self.statistics = LogitStatistics(num_classes, momentum)
        #: while True, logits are counted and left as they are
        self.collecting = False
        self._known = False

    def adjust_logits(self, cls_score: Tensor) -> Tensor:
        """Count logits while `collecting`, leave them alone in training, and normalize them at test.

        Args:
            cls_score: (N, columns of the loss) logits.

        Returns:
            Logits of the same shape.

        Raises:
            RuntimeError: no statistics were collected.
        """
        classes, others = cls_score[:, : self.num_classes], cls_score[:, self.num_classes :]
        if self.collecting:
            self.statistics.update(classes)
        if self.collecting or self.training:
            return cls_score
        self.require_table()
        mean, var = F.pad(self.statistics.mean, (0, 1)), F.pad(self.statistics.var, (0, 1))
        return torch.cat([logn(F.pad(classes, (0, 1)), mean, var)[:, :-1], others], dim=1)

    def require_table(self) -> None:
        """Raise a RuntimeError where no logit was counted."""
        # asking a buffer waits for the device, so only until the answer was yes
        self._known = self._known or bool(self.statistics.num_rows > 0)
        if not self._known:
            raise RuntimeError(
                'LogN has no logit statistics, and this checkpoint holds none: run longtail-det calibrate CONFIG '
                'CHECKPOINT --calibration logn --out DIR and test DIR/calibrated.pth'
            )
