"""LVIS metric on the lvis API, for mmengine's evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.registry import METRICS
from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from longtail_det.annotations import BadRecords, category_groups, read_records
from longtail_det.evaluation import ap_table
from longtail_det.evaluation.lvis.evaluation import check_choice
from longtail_det.evaluation.results import flatten_results

from .annotation_file import local_annotations, missing_fields
from .class_choice import class_ids
from .collection import image_detections
from .lvis_api import evaluate_lvis_api
from .records import detection_records
from .result_files import check_format_only


@METRICS.register_module()
class LVISAPIMetric(BaseMetric):
    """Box and mask AP of any LVIS- or COCO-format dataset through the lvis API (Gupta et al., CVPR 2019).

    Only images that were seen are scored, and only the classes of the dataset, matched to the file by name.
    A file without LVIS's federated fields is taken as completely annotated, and without training frequency
    there is no APr, APc, APf; a line of the log says so. The results end in one table in the log.

    Logged keys, after the prefix: `bbox_AP`, `bbox_AP50`, `bbox_AP75`, `bbox_APs`, `bbox_APm`, `bbox_APl`, `bbox_APr`,
    `bbox_APc`, `bbox_APf`, `bbox_AR@300`, `bbox_ARs@300`, `bbox_ARm@300`, `bbox_ARl@300`, the same with `segm_`, and
    with `classwise` `bbox_AP/<class name>`. Values are in [0, 1] at full precision, -1 where there is no ground truth.

    Args:
        ann_file: annotations of the images that the dataloader gives.
        metric: 'bbox', 'segm', or a list of both.
        classwise: also log the AP of every class.
        outfile_prefix: where given, the detections are written to `PREFIX.bbox.json` and `PREFIX.segm.json` in the
            standard results format.
        format_only: write these files and score nothing.
        collect_device: 'cpu' or 'gpu', how results travel between ranks.
        prefix: replaces 'lvis' in front of the keys.
        backend_args: mmengine's file backend for `ann_file` and the results files.

    Raises:
        FileNotFoundError: nothing at `ann_file`.
        ValueError: an unknown metric, `format_only` without `outfile_prefix`, or a file that cannot be used.
    """

    default_prefix = 'lvis'

    def __init__(
        self,
        ann_file: str,
        metric: str | Sequence[str] = 'bbox',
        classwise: bool = False,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics = [metric] if isinstance(metric, str) else list(metric)
        check_choice('metric', self.metrics, ('bbox', 'segm'))
        check_format_only(format_only, outfile_prefix, backend_args is None)
        self.classwise = classwise
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.backend_args = backend_args
        self.ann_file = ann_file
        # one rank scores: a whole LVIS file in memory per process would be a gigabyte each
        self._gt = self._read() if is_main_process() else None

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the detections of a batch.

        Args:
            data_batch: not looked at.
            data_samples: predicted images, see `image_detections`.

        Raises:
            ValueError: class names that do not fit the file, told at the first batch and not after the last.
        """
        if self._gt is not None and not self.results:
            self._category_ids(self._gt)
        self.results.extend(image_detections(data_sample) for data_sample in data_samples)

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Score the detections of all ranks, on the main one.

        Args:
            results: one entry per image from `process`; of an image that is there twice the first counts.

        Returns:
            The keys listed above without prefix; empty with `format_only`.
        """
        assert self._gt is not None
        logger = MMLogger.get_current_instance()
        detections: dict[int, dict[str, Any]] = {}
        for image in results:
            detections.setdefault(image['img_id'], image)
        category_ids = self._category_ids(self._gt)
        if not self.format_only:
            federated = any('neg_category_ids' in image for image in self._gt['images'])
            for line in missing_fields(federated, category_groups(self._gt['categories']) is not None):
                logger.info(line)
        scores: dict[str, dict[str, float]] = {}
        for metric in self.metrics:
            records = detection_records(detections.values(), category_ids, metric)
            if self.outfile_prefix is not None:
                logger.info(f'{len(records)} detections written to {self._write(records, metric)}')
            if not self.format_only:
                logger.info(f'lvis API: scoring {metric}, {len(records)} detections on {len(detections)} images ...')
                scores[metric] = evaluate_lvis_api(
                    self._gt, records, metric, detections.keys(), category_ids=category_ids, classwise=self.classwise
                )
        if scores:
            logger.info('\n' + ap_table(scores))
        return flatten_results(scores)

    def _read(self) -> dict[str, Any]:
        bad = BadRecords(self.ann_file)
        need_masks = 'segm' in self.metrics and not self.format_only
        with local_annotations(self.ann_file, self.backend_args) as path:
            gt = read_records(path, bad, need_annotations=not self.format_only, need_masks=need_masks)
        bad.refuse()
        return gt

    def _category_ids(self, gt: dict[str, Any]) -> list[int]:
        return class_ids(gt['categories'], (self.dataset_meta or {}).get('classes'), self.ann_file)

    def _write(self, records: list[dict[str, Any]], metric: str) -> str:
        path = f'{self.outfile_prefix}.{metric}.json'
        if self.backend_args is None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        fileio.dump(records, path, backend_args=self.backend_args)
        return path
