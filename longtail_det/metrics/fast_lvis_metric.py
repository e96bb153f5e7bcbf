"""The LVIS metric for mmengine's evaluator that matches each batch when it comes, and keeps scores and flags."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmdet.registry import METRICS
from mmengine.dist import get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy.typing import NDArray

from longtail_det.annotations import as_class_statistics
from longtail_det.evaluation import GroundTruth, ap_table, read_ground_truth
from longtail_det.evaluation.diagnosis import interval_table
from longtail_det.evaluation.lvis.evaluation import check_choice
from longtail_det.evaluation.lvis.parameters import METRICS as METRIC_NAMES
from longtail_det.evaluation.lvis.parameters import MODES
from longtail_det.evaluation.results import flatten_results, name_results

from .annotation_file import local_annotations, missing_fields
from .class_choice import ClassChoice, choose_classes
from .image_matches import NOT_RANKED, ImageMatches, WaitingImage, drop_outranked, match_images
from .mmdet_arguments import check_intervals, read_metric_items, refuse_other_thresholds, refuse_proposals
from .predictions import Prediction
from .result_files import ResultFiles, check_format_only
from .scoring import score_images

#: images that wait to be matched together: Python's share is then small, and so is what waits
_PENDING_IMAGES = 64
#: detections ranked over the dataset after which those that cannot count are looked for
_RANKED_LIMIT = 8_000_000


@METRICS.register_module()
class FastLVISMetric(BaseMetric):
    """Box, mask and boundary AP of any LVIS- or COCO-format dataset, equal to lvis-api 0.5.3 to the last bit.

    Every batch is matched with its objects at once and then forgotten but for about 20 bytes for each detection that
    can count, so a validation set of any size fits in memory. Only images that were seen are scored, and only the
    classes of the dataset, matched to the file by name. A file without LVIS's federated fields is taken as completely
    annotated; the log says so, and ends in a table of the results.

    Logged keys, after the prefix: `bbox_AP`, `bbox_AP50`, `bbox_AP75`, `bbox_APs`, `bbox_APm`, `bbox_APl`, `bbox_APr`,
    `bbox_APc`, `bbox_APf`, `bbox_AR@300`, `bbox_ARs@300`, `bbox_ARm@300`, `bbox_ARl@300`, with `classwise`
    `bbox_AP/<class name>`; the same with `segm_` and `boundary_`. In the other modes `bbox_fixed_AP`, ...,
    `bbox_fixed_AR`, ... and `bbox_pool_AP`, .... Values are in [0, 1] at full precision, -1 with nothing to find.

    mmdet's `LVISMetric` has the same keys, rounded to three digits, but for the AP of a class: `<class name>_precision`
    there, of the last metric only and NaN where there is nothing to find; `bbox_AP/<class name>`,
    `segm_AP/<class name>` here. It logs recalls only where `metric_items` names them.

    Args:
        ann_file: annotations of the images that the dataloader gives.
        metric: 'bbox', 'segm', 'boundary' (Cheng et al., CVPR 2021, arXiv:2103.16562), or a list of them.
        mode: 'default' counts the 300 best detections of an image; 'fixed' the 10 000 best of a class over the data
            set (of equal scores the earlier ones), any number on an image, so test with a large `max_per_img`; 'pool'
            ranks those over all classes together (both Dave et al., 2021, arXiv:2102.01066); or a list of them.
        classwise: also log the AP of every class.
        class_statistics: counts of the training set that tell rare, common and frequent, where the annotation file
            has neither `frequency` nor `image_count`: a dict, or the path of a json that
            tools/data/class_statistics.py writes, or of the training annotations. Given, it is used in any case.
        outfile_prefix: where given, the detections are written to `PREFIX.bbox.json` and `PREFIX.segm.json` in the
            standard results format, on a local disk, while the test runs.
        format_only: write these files and score nothing.
        collect_device: 'cpu' or 'gpu', how results travel between ranks.
        prefix: replaces 'lvis' in front of the keys.
        backend_args: mmengine's file backend for `ann_file`.
        store: map the annotations from the store of a local `ann_file`, see `LVISDataset`.
        metric_items: results to log, such as ['AP', 'APr']; all where None, and the AP of every class in any case.
        on_bad: 'error' refuses a file with bad records, 'skip' scores without them (docs/annotations.md).
        intervals: resamples of the images, usually 1000, for `bbox_AP_low`, `bbox_AP_high` and so on: the ends of the
            95 % intervals of AP, APr, APc and APf in mode 'default', see `ResampledAP`; none where None.
        iou_thrs: None or 0.5, 0.55, ..., 0.95; there because mmdet's class has it, as is `proposal_nums`: None.

    Raises:
        FileNotFoundError: nothing at `ann_file`.
        ValueError: an unknown metric, mode or item, other IoU thresholds, a metric of proposals, `format_only` without
            `outfile_prefix`, or a file that cannot be used.
    """

    default_prefix = 'lvis'

    def __init__(
        self,
        ann_file: str,
        metric: str | Sequence[str] = 'bbox',
        mode: str | Sequence[str] = 'default',
        classwise: bool = False,
        class_statistics: str | Mapping[str, Any] | None = None,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        backend_args: dict[str, Any] | None = None,
        *,
        store: bool = True,
        metric_items: str | Sequence[str] | None = None,
        on_bad: str = 'error',
        intervals: int | None = None,
        iou_thrs: float | Sequence[float] | None = None,
        proposal_nums: Sequence[int] | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._classes: ClassChoice | None = None
        self.metrics = [metric] if isinstance(metric, str) else list(metric)
        self.modes = [mode] if isinstance(mode, str) else list(mode)
        refuse_proposals(self.metrics, proposal_nums)
        refuse_other_thresholds(iou_thrs)
        check_choice('metric', self.metrics, METRIC_NAMES)
        check_choice('mode', self.modes, MODES)
        self.metric_items = read_metric_items(metric_items, self.modes)
        check_intervals(intervals, self.modes)
        self.intervals = intervals
        check_format_only(format_only, outfile_prefix)
        self._is_ranking = set(self.modes) != {'default'}
        self.classwise = classwise
        self.class_statistics = None if class_statistics is None else as_class_statistics(class_statistics)
        self.format_only = format_only
        self._files = ResultFiles(outfile_prefix, self.metrics, get_rank()) if outfile_prefix else None
        self.ann_file = ann_file
        with local_annotations(ann_file, backend_args) as path:
            scored = () if format_only else self.metrics
            self._file_gt = read_ground_truth(
                path, scored, name=ann_file, store=store and path == ann_file, on_bad=on_bad
            )
        self._start()

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Read the detections of a batch.

        Args:
            data_batch: not looked at.
            data_samples: predicted images, see `Prediction.from_sample`.

        Raises:
            ValueError: classes, labels, images or masks that do not fit the file.
        """
        assert self._gt is not None  # classes that do not fit are told at the first batch and not after the last
        for data_sample in data_samples:
            if data_sample['img_id'] not in self._seen:
                self._seen.add(data_sample['img_id'])
                self._add(Prediction.from_sample(data_sample))
        if len(self._pending) >= _PENDING_IMAGES:
            self._match_pending()

    def evaluate(self, size: int) -> dict[str, float]:
        """Score what all ranks have seen.

        Args:
            size: number of images of the dataset; not needed.

        Returns:
            The keys listed above.
        """
        self._match_pending()
        if self._files is not None:
            self._files.close()
        # images are told apart by id: nothing need be cut where the sampler gave an image twice
        results = super().evaluate(sys.maxsize)
        self._start()
        return results

    def compute_metrics(self, results: list[ImageMatches]) -> dict[str, float]:
        """Score the images of all ranks, on the main one.

        Args:
            results: one entry per image; of an image that is there twice the first counts.

        Returns:
            The keys listed above without prefix; empty with `format_only`.
        """
        logger = MMLogger.get_current_instance()
        if self._files is not None:
            for path, num_images in self._files.join(get_world_size()).values():
                logger.info(f'detections of {num_images} images written to {path}')
        if self.format_only or not results:
            return {}
        unique: dict[int, ImageMatches] = {}
        for image in results:
            unique.setdefault(image.img_id, image)
        for line in missing_fields(self._gt.federated, self._gt.groups is not None):
            logger.info(line)
        scores = score_images(self._gt, unique, self.metrics, self.modes, self.classwise, self.intervals)
        logger.info('\n' + ap_table(name_results(scores)))
        if self.intervals is not None:
            logger.info('95 % intervals\n' + interval_table(name_results(scores)))
        return flatten_results(name_results({where: self._wanted(values) for where, values in scores.items()}))

    def _wanted(self, values: dict[str, float]) -> dict[str, float]:
        """Select what `metric_items` names, with its interval, and the AP of every class."""
        items = values.keys() if self.metric_items is None else self.metric_items
        return {
            key: value
            for key, value in values.items()
            if key.removesuffix('_low').removesuffix('_high') in items or key.startswith('AP/')
        }

    def _start(self) -> None:
        """Forget the images of the last evaluation."""
        self.results: list[ImageMatches] = []
        self._classes = None
        self._seen: set[int] = set()
        self._pending: dict[int, WaitingImage] = {}
        self._num_ranked = 0

    @property
    def _known_classes(self) -> ClassChoice:
        if self._classes is None:
            classes = (self.dataset_meta or {}).get('classes')
            self._classes = choose_classes(self._file_gt, classes, self.ann_file, self.class_statistics)
        return self._classes

    @property
    def _gt(self) -> GroundTruth:
        return self._known_classes.gt

    def _add(self, found: Prediction) -> None:
        """Put an image on the waiting list, with the masks that can count."""
        gt = self._gt
        labels = self._known_classes.to_classes(found.labels, found.img_id)
        row = int(gt.image_rows([found.img_id])[0])
        masks: dict[int, Any] = {}
        if set(self.metrics) != {'bbox'}:
            wanted: NDArray[np.int64] = np.arange(len(labels))
            if self._files is None:
                wanted = wanted[gt.is_scored(row * gt.num_classes + labels)]
            masks = dict(zip(wanted.tolist(), found.rles(wanted, gt.image_sizes[row]), strict=True))
        if self._files is not None:
            self._files.add(found, self._known_classes.category_ids[found.labels], masks)
        if self.format_only:
            self.results.append(ImageMatches(found.img_id, {}, NOT_RANKED))
        else:
            self._pending[row] = found._replace(masks=None), labels, masks

    def _match_pending(self) -> None:
        """Match the images that wait, all together, and forget detections that cannot count any more."""
        if not self._pending:
            return
        self.results += match_images(self._gt, self._pending, self.metrics, self._is_ranking)
        self._num_ranked += sum(len(labels) for _, labels, _ in self._pending.values())
        self._pending.clear()
        if self._is_ranking and self._num_ranked > _RANKED_LIMIT:
            self.results = drop_outranked(self.results, self._gt.num_classes)
            self._num_ranked = 0
