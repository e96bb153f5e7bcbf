"""What every calibration has: strength, counts, and the two places where a box head asks it."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from longtail_det.checks import whole
from longtail_det.losses import NeedsClassStatistics, OptionalStatistics, ScoreParts


class Calibration(nn.Module):
    """Base of the calibrations of a box head's test scores; training never asks them.

    Args:
        num_classes: foreground classes C.
    """

    #: the argument that says how much to correct, or '' for a method without one
    strength_name: ClassVar[str] = ''
    #: values of it that a search tries
    strengths: ClassVar[tuple[float, ...]] = ()

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = whole('num_classes', num_classes, 1)

    def adjust_logits(self, cls_score: Tensor) -> Tensor:
        """Return the logits of one head, before those of the stages of a cascade are averaged.

        Args:
            cls_score: (N, columns of the loss) logits.

        Returns:
            Logits of the same shape.
        """
        return cls_score

    def forward(self, parts: ScoreParts) -> Tensor:
        """Return calibrated test scores.

        Args:
            parts: what the loss's scores are made of.

        Returns:
            (N, C + 1) scores in [0, 1], last column background.
        """
        return parts.scores()

    def require_table(self) -> None:
        """Raise a RuntimeError as long as the calibration does not know the training set."""
        raise NotImplementedError


class CountCalibration(NeedsClassStatistics, Calibration):
    """Base of the calibrations by class statistics; of a checkpoint's and the config's, the config's win.

    A subclass writes `class_scores` and `use_statistics`.

    Args:
        num_classes: foreground classes C.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook` brings
            them in training, and the checkpoint at test.
    """

    table_option = (
        'the calibration class_statistics="TRAIN.json", the training annotations (tools/test.py: --ann TRAIN.json)'
    )
    #: whether the statistics must be those of an annotation file, with the number of all images and the spread
    needs_annotation_file: ClassVar[bool] = False

    def __init__(self, num_classes: int, class_statistics: OptionalStatistics = None) -> None:
        super().__init__(num_classes)
        self.register_tables()
        self.init_statistics(class_statistics)

    def register_tables(self) -> None:
        """Register the buffers, (C,) or scalars."""
        raise NotImplementedError

    def class_scores(self, logits: Tensor, softmax: bool) -> Tensor:
        """Return the calibrated scores of logits.

        Args:
            logits: (N, C + 1) of a softmax, or (N, C) log odds.
            softmax: which of the two.

        Returns:
            Scores of the same shape.
        """
        raise NotImplementedError

    def forward(self, parts: ScoreParts) -> Tensor:
        """Return calibrated test scores.

        Args:
            parts: what the loss's scores are made of.

        Returns:
            (N, C + 1) scores in [0, 1], last column background.

        Raises:
            RuntimeError: nobody brought class statistics.
        """
        self.require_table()
        return parts.join(self.class_scores(parts.logits, parts.softmax))

    def init_table(self, given: Any) -> None:
        """Store the table of the config, and keep it for when a checkpoint is loaded.

        Args:
            given: the table, or None where the config has none.
        """
        self._given = given
        super().init_table(given)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._known = False
        if self._given is not None:
            self._store(self._given)
