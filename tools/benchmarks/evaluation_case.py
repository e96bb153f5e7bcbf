"""Evaluators, samples and clocks of evaluation.py: what is measured, without the tables."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
import torch
from lvis_like import HEIGHT, WIDTH, LVISLike

from longtail_det.compat.lvis_api import import_lvis


class PeakMemory:
    """Highest resident memory above that at the start, as the Linux kernel counts it."""

    def __enter__(self) -> PeakMemory:
        Path('/proc/self/clear_refs').write_text('5')  # starts the count anew
        self._start = self._high_water()
        return self

    def __exit__(self, *_: object) -> None:
        self.peak = self._high_water() - self._start

    @staticmethod
    def _high_water() -> int:
        status = Path('/proc/self/status').read_text()
        return 1024 * int(status.split('VmHWM:')[1].split()[0])


def process(
    metrics: dict[str, Any], data: LVISLike, as_sample: Callable[[dict[str, Any]], Any], images: range
) -> dict[str, float]:
    """Seconds in the `process` of each metric, an image a batch; the generator is not timed.

    They take turns at every image, and at who is first, so that a noisy machine disturbs all alike.
    """
    seconds = dict.fromkeys(metrics, 0.0)
    for image in images:
        sample = as_sample(data.found(image))
        for name in list(metrics)[:: -1 if image % 2 else 1]:
            start = time.perf_counter()
            metrics[name].process(None, [sample])
            seconds[name] += time.perf_counter() - start
    return seconds


def boxes_only(found: dict[str, Any]) -> dict[str, Any]:
    """A predicted image of a box detector, from what `LVISLike.found` gives."""
    boxes = torch.from_numpy(found['boxes']).float()
    boxes[:, 2:] += boxes[:, :2]
    instances = {
        'bboxes': boxes,
        'scores': torch.from_numpy(found['scores']),
        'labels': torch.from_numpy(found['labels']),
    }
    return {'img_id': found['img_id'], 'ori_shape': (HEIGHT, WIDTH), 'pred_instances': instances}


def with_rles(found: dict[str, Any]) -> dict[str, Any]:
    """The same with encoded masks."""
    sample = boxes_only(found)
    sample['pred_instances']['masks'] = found['masks']
    return sample


def with_bool_masks(found: dict[str, Any]) -> dict[str, Any]:
    """The same with full bool masks, as mmdet's mask heads give them."""
    sample = boxes_only(found)
    masks = np.ascontiguousarray(mask_utils.decode(found['masks']).transpose(2, 0, 1))
    sample['pred_instances']['masks'] = torch.from_numpy(masks).bool()
    return sample


def timed(step: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    """Seconds of a call, and what it returns."""
    start = time.perf_counter()
    result = step(*given)
    return time.perf_counter() - start, result


def lvis_api(gt: dict[str, Any], records: list[dict[str, Any]], metric: str) -> dict[str, float]:
    """The numbers of lvis-api; modifies what is given."""
    lvis_class, evaluator_class, results_class = import_lvis()
    truth = lvis_class.__new__(lvis_class)
    truth.logger, truth.dataset = logging.getLogger('lvis'), gt
    truth._create_index()
    evaluator = evaluator_class(truth, results_class(truth, records), metric)
    evaluator.run()
    return dict(evaluator.get_results())


@contextlib.contextmanager
def quiet() -> Any:
    """Keep other people's progress off the table."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
