"""Samples for drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from longtail_det.visualization import DrawnInstances, GridSample


@pytest.fixture
def make_sample() -> Callable[..., GridSample]:
    def make(ground_truth: str = 'rcf', predictions: str = 'rc', masks: bool = True) -> GridSample:
        def drawn(groups: str, scored: bool) -> DrawnInstances:
            boxes = np.array([[10.0 * i, 5, 10 * i + 8, 25] for i in range(len(groups))]).reshape(-1, 4)
            stack = np.zeros((len(groups), 40, 50), dtype=bool)
            for mask, (x1, y1, x2, y2) in zip(stack, boxes.astype(int), strict=True):
                mask[y1:y2, x1:x2] = True
            return DrawnInstances(
                boxes=boxes,
                names=[f'$}}$ {group}' for group in groups],
                groups=list(groups),
                masks=stack if masks and groups else None,
                scores=np.linspace(0.9, 0.4, len(groups)) if scored else None,
            )

        return GridSample(np.zeros((40, 50, 3), np.uint8), drawn(ground_truth, False), drawn(predictions, True), '7')

    return make
