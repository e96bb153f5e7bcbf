"""Make a LongTailGlyphs dataset on disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from longtail_det.statistics import ClassStatistics

from . import folder
from .characters import choose_characters
from .config import GlyphsConfig
from .plan import Plan, class_frequency, plan_statistics, plan_training, plan_validation
from .records import Record, annotation_record, category_records, image_record
from .rendering import render_image

_JPEG_QUALITY = 92
_IMAGES_PER_WORKER = 200
# image id, id of its first annotation, class indices
_Job = tuple[int, int, NDArray[np.int64]]


@dataclass(frozen=True)
class GlyphsSummary:
    """What is in the dataset that `make_glyphs` made or found.

    Args:
        statistics: class statistics of each split, 'train' and 'val'; class index = category id - 1.
        frequency: (C,) of 'r', 'c' or 'f', the frequency group of each class in the annotation files.
        num_images: images of each split, those without an instance included.
        reused: the dataset was there already.
        seconds: time it took.
    """

    statistics: dict[str, ClassStatistics]
    frequency: NDArray[np.str_]
    num_images: dict[str, int]
    reused: bool
    seconds: float


def make_glyphs(
    out_dir: str | Path,
    config: GlyphsConfig | None = None,
    *,
    overwrite: bool = False,
    progress: bool = True,
    workers: int | None = None,
) -> GlyphsSummary:
    """Make LongTailGlyphs, an instance segmentation dataset in the format of LVIS v1 whose classes are characters.

    The folder gets `annotations/glyphs_{train,val}.json` and the images, where the `coco_url` of their records
    without 'http://images.cocodataset.org/' says. On the same kind of processor and with the same versions of the
    libraries the files depend on `config` only, byte for byte. A dataset that is there already with the same
    settings is kept, one that was interrupted is made anew.

    Args:
        out_dir: folder; missing, empty, or a LongTailGlyphs folder.
        config: sizes and seed; `GlyphsConfig()` if not given.
        overwrite: replace a finished LongTailGlyphs dataset; a folder of other origin is never touched.
        progress: show a progress bar for each split.
        workers: processes to draw with; if not given, one per processor as far as the size is worth it.

    Raises:
        ValueError: the settings contradict each other.
        FileExistsError: `out_dir` holds something else.
        OSError: `out_dir` cannot be written.
    """
    start = time.perf_counter()
    out, config = Path(out_dir), config or GlyphsConfig()
    plans = {'train': plan_training(config), 'val': plan_validation(config)}
    statistics = {split: plan_statistics(plan, config.num_classes) for split, plan in plans.items()}
    num_images = {split: len(plan) for split, plan in plans.items()}
    frequency = class_frequency(config)
    reused = not overwrite and folder.is_complete(out, config)
    if not reused:
        characters = choose_characters(config.num_classes)
        folder.claim(out, config, overwrite)
        categories = category_records(characters, statistics['train'], frequency)
        for split, plan in plans.items():
            painter = _Painter(out, split, characters, config)
            first_image = 1 if split == 'train' else 1 + config.num_train
            _write_split(painter, plan, first_image, categories, progress, workers)
        folder.finish(out, config)
    return GlyphsSummary(statistics, frequency, num_images, reused, time.perf_counter() - start)


@dataclass(frozen=True)
class _Painter:
    """Drawing of one image to a file and to records in JSON; it can be sent to another process."""

    out: Path
    split: str
    characters: Sequence[str]
    config: GlyphsConfig

    def __call__(self, job: _Job) -> tuple[str, list[str]]:
        image_id, first_annotation, classes = job
        config = self.config
        rng = np.random.default_rng([config.seed, folder.SPLITS.index(self.split), image_id])
        record = image_record(image_id, self.split, classes, config, rng)
        image, glyphs = render_image(classes, self.characters, config.image_size, rng)
        _, jpeg = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        (self.out / folder.image_file(self.split, image_id)).write_bytes(jpeg.tobytes())
        annotations = [
            annotation_record(first_annotation + k, image_id, config.image_size, glyph)
            for k, glyph in enumerate(glyphs)
        ]
        return _dumps(record), [_dumps(annotation) for annotation in annotations]


def _write_split(
    painter: _Painter,
    plan: Plan,
    first_image: int,
    categories: list[Record],
    progress: bool,
    workers: int | None,
) -> None:
    """Draw the images of a split and write its annotation file, annotation by annotation to spare memory."""
    first_annotation = np.cumsum([1, *map(len, plan)])
    jobs = [(first_image + k, int(first_annotation[k]), classes) for k, classes in enumerate(plan)]
    if workers is None:
        workers = min(os.cpu_count() or 1, len(jobs) // _IMAGES_PER_WORKER)
    images = []
    separator = '\n'
    with folder.writing(painter.out / folder.annotation_name(painter.split)) as file:
        file.write('{"annotations": [')
        with _results(painter, jobs, workers) as results:
            for image, annotations in tqdm(results, painter.split, len(jobs), unit='img', disable=not progress):
                images.append(image)
                for annotation in annotations:
                    file.write(separator + annotation)
                    separator = ',\n'
        info = {'description': 'LongTailGlyphs', 'config': painter.config.settings()}
        file.write('],\n"categories": [\n' + ',\n'.join(map(_dumps, categories)))
        file.write('],\n"images": [\n' + ',\n'.join(images))
        file.write(f'],\n"info": {_dumps(info)}}}\n')


@contextmanager
def _results(painter: _Painter, jobs: list[_Job], workers: int) -> Iterator[Iterator[tuple[str, list[str]]]]:
    """Return the painter's results in the order of the jobs, drawn by other processes if there is more than one."""
    if workers <= 1:
        yield map(painter, jobs)
        return
    # every process draws on one processor; cv2's own threads would only get in the way
    with multiprocessing.Pool(workers, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        yield pool.imap(painter, jobs, chunksize=16)


def _dumps(record: Record) -> str:
    return json.dumps(record, sort_keys=True)
