"""The test set with and without a calibration, at the thresholds in which published numbers differ."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import torch
from mmengine.runner import Runner
from tqdm import tqdm

from longtail_det.calibration import Calibration
from longtail_det.evaluation import percent
from longtail_det.evaluation.results import nest_results
from longtail_det.models.bbox_heads import LongTailBBoxHead

from .text_table import text_table

NMS_IOUS, MASK_THRESHOLDS = (0.3, 0.5), (0.4, 0.5)
#: name of the scores as they are
PLAIN = 'none'
#: the calibration of each head that gets one
Chosen: TypeAlias = Mapping[LongTailBBoxHead, Calibration | None]


class Run(NamedTuple):
    """One run over the test set.

    Args:
        calibration: name and strength, or `PLAIN`.
        nms_iou: IoU threshold of the NMS.
        mask_thr: probability above which a pixel is in the mask; None without masks.
    """

    calibration: str
    nms_iou: float
    mask_thr: float | None


def compare(runner: Runner, name: str, chosen: Chosen) -> list[dict[str, Any]]:
    """Run the test set without and with a calibration at each NMS IoU and mask threshold, features computed once.

    Args:
        runner: of the config, its model in evaluation mode.
        name: of the calibration.
        chosen: the calibration of each head that gets one.

    Returns:
        A dict per run: `calibration`, `nms_iou`, `mask_thr`, and `bbox` and `segm` with their AP.
    """
    model, roi_head = runner.model, runner.model.roi_head
    thresholds = MASK_THRESHOLDS if roi_head.with_mask else (None,)
    runs = [Run(*run) for run in product((PLAIN, name), NMS_IOUS, thresholds)]
    loader = runner.build_dataloader(runner.cfg.test_dataloader)
    evaluators = {run: runner.build_evaluator(copy.deepcopy(runner.cfg.test_evaluator)) for run in runs}
    for evaluator in evaluators.values():
        evaluator.dataset_meta = loader.dataset.metainfo
    test_cfg = copy.deepcopy(roi_head.test_cfg)
    with torch.no_grad():
        for batch in tqdm(loader, desc='test set', unit='batch'):
            data = model.data_preprocessor(batch, False)
            features = model.extract_feat(data['inputs'])
            proposals = model.rpn_head.predict(features, data['data_samples'], rescale=False)
            for run in runs:
                _prepare(roi_head, run, chosen)
                found = roi_head.predict(features, copy.deepcopy(proposals), data['data_samples'], rescale=True)
                samples = model.add_pred_to_datasample(copy.deepcopy(data['data_samples']), found)
                evaluators[run].process(data_samples=samples, data_batch=batch)
    roi_head.test_cfg = test_cfg
    num_images = len(loader.dataset)
    return [{**run._asdict(), **nest_results(evaluators[run].evaluate(num_images))} for run in runs]


def _prepare(roi_head: Any, run: Run, chosen: Chosen) -> None:
    for head, module in chosen.items():
        head.calibration = None if run.calibration == PLAIN else module
    roi_head.test_cfg.nms.iou_threshold = run.nms_iou
    if run.mask_thr is not None:
        roi_head.test_cfg.mask_thr_binary = run.mask_thr


def comparison_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the runs over the test set as a table.

    Args:
        rows: from `compare`.
    """
    header = ['calibration', 'NMS', 'mask', 'box AP', 'r', 'c', 'f', 'mask AP', 'r', 'c', 'f']
    lines = []
    for row in rows:
        mask_thr = '-' if row['mask_thr'] is None else f'{row["mask_thr"]:g}'
        scores = [*ap_cells(row.get('bbox', {})), *ap_cells(row.get('segm', {}))]
        lines.append([row['calibration'], f'{row["nms_iou"]:g}', mask_thr, *scores])
    return text_table(header, lines)


def ap_cells(scores: Mapping[str, float]) -> list[str]:
    """Return AP, APr, APc and APf of a result in percent, '-' where undefined.

    Args:
        scores: by name.
    """
    return [percent(scores.get(key)) for key in ('AP', 'APr', 'APc', 'APf')]
