"""The run of `predict`: images through the detector, into a results json and drawings."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from mmdet.structures import DetDataSample
from mmengine.config import Config
from numpy.typing import NDArray
from tqdm import tqdm

from longtail_det.checks import InputError
from longtail_det.files import replacing
from longtail_det.metrics.ranked_json import RankedJson
from longtail_det.reports import PageImage, write_image_page
from longtail_det.reports.run_directory import DataSource, data_source
from longtail_det.visualization import DrawnInstances, figure_png, plot_image
from longtail_det.visualization.samples import read_image

from .class_choice import choose_classes, file_groups
from .commands import note
from .detector import Detector, load_detector
from .errors import Progress, UserError
from .image_inputs import ImageInputs, InputImage
from .image_numbers import ImageNumbers, read_numbers
from .predictions import prediction_records

_MOST_DRAWN = 30


def predict(
    cfg: Config, inputs: ImageInputs, args: argparse.Namespace, device: str, command: str, progress: Progress
) -> str:
    """Run a detector over images and write what it finds.

    Args:
        cfg: of the detector.
        inputs: the images.
        args: of the command line.
        device: 'cpu' or 'cuda'.
        command: as the user typed it, for the page.
        progress: started when the first batch is there.

    Returns:
        What was written where, for the user.

    Raises:
        UserError: no image can be read, or an argument does not fit the detector.
    """
    detector = load_detector(cfg, args.checkpoint, device)
    groups, origin = find_groups(cfg, detector, args.ann)
    note(f'groups of the {len(groups)} classes: {origin}')
    hint = 'give the annotations of the training set with --ann'
    chosen = choose_classes(args.classes, detector.classes, groups, hint)
    numbers = read_numbers(_data(cfg, 'test_dataloader'), detector.classes)
    note(f'ids of images and categories: {numbers.source}')
    writer = _Writer(args, detector.classes, groups, numbers)
    with tqdm(total=len(inputs), unit='img') as bar:
        for batch in _batches(inputs, detector, args.batch_size):
            progress.started = True
            samples = detector.predict([loaded for _, loaded in batch])
            for (image, _), sample in zip(batch, samples, strict=True):
                writer.add(image, _keep(sample, chosen))
                bar.update()
    return writer.close(str(cfg.filename), origin, command)


def find_groups(cfg: Config, detector: Detector, ann: str | None) -> tuple[list[str], str]:
    """Return the frequency group of each class, and where it is from.

    Args:
        cfg: names annotation files.
        detector: the statistics of its checkpoint come before those files.
        ann: a file that comes first.

    Returns:
        'r', 'c' or 'f' for each class, '' where nothing tells it.
    """
    if ann:
        return file_groups(ann, detector.classes), ann
    if detector.statistics is not None:
        return detector.statistics.of_classes(detector.classes).frequency.tolist(), 'the checkpoint'
    data = _data(cfg, 'train_dataloader')
    if data is not None and Path(data.ann_file).is_file():
        return file_groups(data.ann_file, detector.classes), data.ann_file
    return [''] * len(detector.classes), 'unknown; tell them with --ann'


def _data(cfg: Config, loader: str) -> DataSource | None:
    try:
        return data_source(cfg, loader)
    except ValueError:
        return None


def _batches(
    inputs: ImageInputs, detector: Detector, size: int
) -> Iterator[list[tuple[InputImage, dict[str, Any]]]]:
    """Yield images that can be read, `size` of them at a time; say which cannot."""
    batch: list[tuple[InputImage, dict[str, Any]]] = []
    number = bad = 0
    for number, image in enumerate(inputs, start=1):
        try:
            batch.append((image, detector.load(image)))
        except InputError as error:
            bad += 1
            note(f'left out: {error}')
        if len(batch) == size:
            yield batch
            batch = []
    if bad == number:
        raise UserError(f'none of the {number} images can be read')
    if batch:
        yield batch


def _keep(sample: DetDataSample, chosen: NDArray[np.bool_]) -> DetDataSample:
    """Return a sample with the detections of the chosen classes alone, in the memory of the host."""
    sample = sample.cpu()
    if not chosen.all():
        sample.pred_instances = sample.pred_instances[np.flatnonzero(chosen[sample.pred_instances.labels.numpy()])]
    # a record has one score, that of the box
    sample.pred_instances.pop('mask_scores', None)
    return sample


class _Writer:
    """Writes the files of a folder, one image at a time.

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
