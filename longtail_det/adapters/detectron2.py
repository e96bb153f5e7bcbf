"""detectron2's box predictor with one of our RoI losses; nothing of detectron2 is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from longtail_det.losses import RoIClassificationLoss

from .classifiers import fit_classifier, total


class PredictorLoss:
    """The `sigmoid_cross_entropy_loss` of a `FastRCNNOutputLayers`, by one of our losses.

    Args:
        predictor: holds the loss as `long_tail_loss`.
    """

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor

    def __call__(self, pred_class_logits: Tensor, gt_classes: Tensor) -> Tensor:
        """Return the loss of the RoIs.

        Args:
            pred_class_logits: (N, columns of the loss).
            gt_classes: (N,) int64 in [0, C], C = background, as ours.
        """
        return total(self.predictor.long_tail_loss(pred_class_logits, gt_classes.to(pred_class_logits.device)))


class PredictorScores:
    """The `predict_probs` of a `FastRCNNOutputLayers`, by the activation of our loss.

    Args:
        predictor: holds the loss as `long_tail_loss`.
    """

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor

    def __call__(self, predictions: tuple[Tensor, Tensor], proposals: Sequence[Any]) -> tuple[Tensor, ...]:
        """Return (n, C + 1) scores of each image, last column background.

        Args:
            predictions: (N, columns of the loss) logits, and box deltas.
            proposals: of each image.
        """
        scores: Tensor = self.predictor.long_tail_loss.get_activation(predictions[0])
        return scores.split([len(boxes) for boxes in proposals])


def detectron2_roi_loss(box_predictor: Any, loss: RoIClassificationLoss, prior_prob: float | None = None) -> Any:
    """Train and test a `FastRCNNOutputLayers` of detectron2 with one of our RoI losses.

    Background is class C there as here. The predictor's own switch `use_sigmoid_ce` leads to the loss. The loss is a
    submodule, so its state is in the checkpoint. In a cascade each stage's predictor needs a loss of its own.

    Args:
        box_predictor: `model.roi_heads.box_predictor`, of a detectron2 that has `use_sigmoid_ce` (July 2022 or later).
        loss: of C classes.
        prior_prob: test score that every class starts with, for losses of sigmoids.

    Returns:
        The predictor, changed in place.

    Raises:
        ValueError: another kind of predictor, another number of classes, or a prior for a loss that knows none.
    """
    needed = ('cls_score', 'use_sigmoid_ce', 'sigmoid_cross_entropy_loss', 'predict_probs')
    missing = [name for name in needed if not hasattr(box_predictor, name)]
    if missing:
        raise ValueError(
            f'{type(box_predictor).__name__} has no {missing[0]}; expected the FastRCNNOutputLayers of a detectron2 of '
            'July 2022 or later'
        )
    if hasattr(box_predictor, 'long_tail_loss'):  # whose classifier has other columns already
        raise ValueError(f'the predictor has a {type(box_predictor.long_tail_loss).__name__}; expected a new predictor')
    classifier = fit_classifier(box_predictor.cls_score, loss, prior_prob, background_first=False)
    box_predictor.cls_score = classifier
    box_predictor.long_tail_loss = loss.to(classifier.weight.device)
    box_predictor.use_sigmoid_ce = True
    box_predictor.sigmoid_cross_entropy_loss = PredictorLoss(box_predictor)
    box_predictor.predict_probs = PredictorScores(box_predictor)
    return box_predictor
