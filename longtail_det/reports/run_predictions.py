"""Reading the predictions of a run, what tools/test.py --out wrote or a results json, and where their images are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail_det.annotations import BadRecords, read_images, select_categories
from longtail_det.evaluation import Detections, GroundTruth, read_results, result_fields
from longtail_det.evaluation.lvis import predicted_columns
from longtail_det.evaluation.predicted_images import read_predicted_images

from .run_directory import DataSource, evaluation_command


@dataclass(frozen=True, eq=False)
class RunPredictions:
    """What a run predicted.

    Args:
        boxes: the detections, ranked as boxes.
        masks: the same with masks, ranked as masks; None where the run has no masks.
        image_paths: file of each image that was tested.
    """

    boxes: Detections
    masks: Detections | None
    image_paths: Mapping[int, Path]

    def of_metric(self, metric: str) -> Detections | None:
        """Return the detections as a `metric` ranks them; None where they lack what it scores."""
        return self.boxes if metric == 'bbox' else self.masks


def read_run_predictions(path: Path, run_dir: Path, gt: GroundTruth, data: DataSource) -> RunPredictions:
    """Read what a test left.

    Args:
        path: the file.
        run_dir: the work directory it belongs to; the message where something is wrong is the command for it.
        gt: the objects of the tested images, with all categories of the file.
        data: the tested data; its images are looked for there if `path` is a json.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: something else than predictions, or those of other data.
    """
    again = f'make it anew with {evaluation_command(run_dir)}'
    if not path.is_file():
        raise FileNotFoundError(f'no predictions at {path}; make them with {evaluation_command(run_dir)}')
    try:
        found = (
            _from_records(path, data) if path.suffix == '.json' else _from_images(read_predicted_images(path), gt, data)
        )
        found.boxes.require_categories(gt.category_ids, str(path))
        return found
    except ValueError as error:
        raise ValueError(f'{error}; {again}') from None


def read_image_paths(ann_file: str, img_folder: str) -> dict[int, Path]:
    """Read where the images of an annotation file are.

    Args:
        ann_file: LVIS or COCO json; the files are those that a dataset of it reads.
        img_folder: folder they are in.
    """
    bad = BadRecords(ann_file)
    images = read_images(ann_file, bad)
    bad.settle('skip')
    return {img_id: Path(img_folder) / name for img_id, name in zip(images.ids.tolist(), images.names, strict=True)}


def _from_records(path: Path, data: DataSource) -> RunPredictions:
    has_masks = 'segmentation' in result_fields(path)
    columns = read_results(path, ('bbox', 'segm') if has_masks else ('bbox',))
    paths = read_image_paths(data.ann_file, data.img_folder)
    return RunPredictions(columns, columns if has_masks else None, paths)


def _from_images(images: Sequence[Mapping[str, Any]], gt: GroundTruth, data: DataSource) -> RunPredictions:
    category_ids: Sequence[int] = gt.category_ids.tolist()
    if images and 'category_ids' in images[0]:
        category_ids = images[0]['category_ids']
    elif data.classes is not None:
        categories = [{'id': i, 'name': name} for i, name in zip(category_ids, gt.names, strict=True)]
        category_ids = [c['id'] for c in select_categories(categories, data.classes, data.ann_file)]
    masks = predicted_columns(images, category_ids, 'segm')
    return RunPredictions(
        predicted_columns(images, category_ids, 'bbox'),
        None if masks.masks is None else masks,
        {image['img_id']: Path(image.get('img_path', '')) for image in images},
    )
