"""What was kept of all images -> results by metric and mode, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from longtail_det.evaluation.diagnosis import interval_results, resample_ap
from longtail_det.evaluation.lvis import GroundTruth
from longtail_det.evaluation.lvis.summary import summarize

from .image_matches import ImageMatches, in_max_class_dets, merge_images


def score_images(
    gt: GroundTruth,
    seen: Mapping[int, ImageMatches],
    metrics: Sequence[str],
    modes: Sequence[str],
    classwise: bool = False,
    intervals: int | None = None,
) -> dict[tuple[str, str], dict[str, float]]:
    """Score some images.

    Args:
        gt: the objects.
        seen: by image id, in the order of the test run: of equal scores the earlier one counts.
        metrics: of 'bbox', 'segm' and 'boundary'.
        modes: of 'default', 'fixed' and 'pool'.
        classwise: also give the AP of every class.
        intervals: resamples of the images for the intervals of mode 'default'; none where None.

    Returns:
        (metric, mode) -> results, see `summarize`, and the ends of the intervals, see `interval_results`.
    """
    images = [seen[img_id] for img_id in sorted(seen)]
    rows = gt.image_rows([image.img_id for image in images])
    scores = {}
    for metric in metrics:
        matches = merge_images(images, rows, metric)
        for mode in modes:
            if mode == 'default':
                kept = matches.in_max_dets
            else:
                kept = in_max_class_dets(images, list(seen.values()), matches, metric)
            scores[metric, mode] = summarize(gt, rows, matches, kept, mode, classwise)
        if intervals is not None:
            resampled = resample_ap(gt, rows, matches, matches.in_max_dets, intervals)
            scores[metric, 'default'] |= interval_results(resampled.intervals())
    return scores
