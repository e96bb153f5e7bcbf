"""What `predict` writes: a results json, the list of its images, drawings and their page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from mmdet.structures import DetDataSample
from numpy.typing import NDArray

from longtail_det.files import replacing
from longtail_det.metrics.ranked_json import RankedJson
from longtail_det.reports import PageImage, write_image_page
from longtail_det.visualization import DrawnInstances, figure_png, plot_image
from longtail_det.visualization.samples import read_image

from .image_inputs import InputImage
from .image_numbers import ImageNumbers
from .predictions import prediction_records

_MOST_DRAWN = 30


class PredictionFiles:
    """The files that `predict` leaves in a folder, written as the images come.

    Args:
        args: of the command line.
        classes: names.
        groups: of the classes.
        numbers: ids of images and categories.
    """

    def __init__(
        self, args: argparse.Namespace, classes: Sequence[str], groups: Sequence[str], numbers: ImageNumbers
    ) -> None:
        self._args, self._classes, self._groups, self._numbers = args, classes, groups, numbers
        self._ids = np.asarray(numbers.category_ids, dtype=np.int64)
        self._results = RankedJson(args.out / 'results.json', 0)
        self._images: list[dict[str, Any]] = []
        self._page: list[PageImage] = []

    def add(self, image: InputImage, sample: DetDataSample) -> None:
        """Write the detections of an image, and draw it."""
        img_id = self._numbers.of_image(image.path, is_frame=image.frame is not None)
        sample.set_metainfo({'img_id': img_id})
        self._results.add(img_id, prediction_records(sample.to_dict(), self._ids))
        height, width = sample.ori_shape[:2]
        record = {'id': img_id, 'file_name': str(image.path), 'height': int(height), 'width': int(width)}
        self._images.append(record | ({} if image.frame is None else {'frame': image.frame}))
        drawn = drawn_predictions(sample, self._classes, self._groups, self._args.score_thr)
        if self._args.no_drawings or (self._args.classes and not drawn.names):
            return
        file = self._args.out / 'drawings' / f'{image.name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = read_image(image.path) if image.pixels is None else image.pixels[..., ::-1]
        file.write_bytes(figure_png(plot_image(pixels, drawn, image.name)))
        scores = [] if drawn.scores is None else drawn.scores.tolist()
        words = [
            (f'{name} {100 * score:.0f}', group)
            for name, score, group in zip(drawn.names, scores, drawn.groups, strict=True)
        ]
        self._page.append(PageImage(file.relative_to(self._args.out).as_posix(), image.name, words))

    def close(self, config: str, origin: str, command: str) -> str:
        """Join the results, write the lists and the page, and return what there is."""
        self._results.close()
        self._results.join(1)
        categories = [
            {'id': int(id_), 'name': name, **({'frequency': group} if group else {})}
            for id_, name, group in zip(self._ids, self._classes, self._groups, strict=True)
        ]
        with replacing(self._args.out / 'images.json') as unfinished:
            unfinished.write_text(json.dumps({'images': self._images, 'categories': categories}))
        written = f'{len(self._images)} images: {self._args.out / "results.json"}, {self._args.out / "images.json"}'
        if self._args.no_drawings:
            return written
        page = write_image_page(
            self._args.out / 'index.html',
            'Predictions',
            self._page,
            date=datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z'),
            facts={
                'config': config,
                'checkpoint': self._args.checkpoint,
                'groups of classes': origin,
                'command': command,
            },
            note=f'{len(self._page)} of {len(self._images)} images. Detections with a score of at least '
            f'{self._args.score_thr:.0%}, the {_MOST_DRAWN} best of an image; number: score in percent.',
        )
        return f'{written}\n{len(self._page)} drawings: {page}'


def drawn_predictions(
    sample: DetDataSample, classes: Sequence[str], groups: Sequence[str], score_threshold: float
) -> DrawnInstances:
    """Return the best detections of an image, ready to be drawn.

    Args:
        sample: predicted, in the memory of the host.
        classes: names.
        groups: of the classes.
        score_threshold: lowest score.
    """
    found = sample.pred_instances
    rows = np.argsort(-found.scores.numpy(), kind='stable')[:_MOST_DRAWN]
    found = found[rows[found.scores.numpy()[rows] >= score_threshold]]
    labels = found.labels.tolist()
    masks = None
    if 'masks' in found and len(found):
        masks = np.stack([_pixels(mask) for mask in found.masks])
    return DrawnInstances(
        found.bboxes.numpy().astype(np.float64).reshape(-1, 4),
        [classes[label] for label in labels],
        [groups[label] for label in labels],
        masks,
        found.scores.numpy().astype(np.float64),
    )


def _pixels(mask: Any) -> NDArray[np.bool_]:
    """A mask of mmdet's is a tensor, one of ours run lengths."""
    pixels = mask_utils.decode(dict(mask)) if isinstance(mask, dict) else np.asarray(mask)
    return pixels.astype(bool)
