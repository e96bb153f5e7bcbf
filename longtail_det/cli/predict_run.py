"""The run of `predict`: images through the detector, into files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.structures import DetDataSample
from mmengine.config import Config
from numpy.typing import NDArray
from tqdm import tqdm

from longtail_det.checks import InputError
from longtail_det.reports import DataSource
from longtail_det.reports.run_directory import data_source

from .class_choice import choose_classes, file_groups
from .commands import note
from .detector import Detector, load_detector
from .errors import Progress, UserError
from .image_inputs import ImageInputs, InputImage
from .image_numbers import read_numbers
from .prediction_files import PredictionFiles


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
    files = PredictionFiles(args, detector.classes, groups, numbers)
    with tqdm(total=len(inputs), unit='img') as bar:
        for batch in _batches(inputs, detector, args.batch_size):
            progress.started = True
            samples = detector.predict([loaded for _, loaded in batch])
            for (image, _), sample in zip(batch, samples, strict=True):
                files.add(image, _keep(sample, chosen))
                bar.update()
    return files.close(str(cfg.filename), origin, command)


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


def _batches(inputs: ImageInputs, detector: Detector, size: int) -> Iterator[list[tuple[InputImage, dict[str, Any]]]]:
    """Yield images that can be read, `size` of them at a time; say which cannot."""
    batch: list[tuple[InputImage, dict[str, Any]]] = []
    good = bad = 0
    for image in inputs:
        try:
            batch.append((image, detector.load(image)))
            good += 1
        except InputError as error:
            bad += 1
            note(f'left out: {error}')
        if len(batch) == size:
            yield batch
            batch = []
    if not good:
        raise UserError(f'none of the {bad} images can be read')
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
