"""The run of `browse`: samples of a training set, chosen by class, drawn."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from numpy.typing import NDArray
from tqdm import tqdm

from longtail_det import compat
from longtail_det.datasets.image_labels import read_image_labels
from longtail_det.engine import find_class_statistics
from longtail_det.reports import PageImage, write_image_page
from longtail_det.sampling import ImageLabels
from longtail_det.statistics import ClassStatistics
from longtail_det.visualization import DrawnInstances, figure_png, plot_image

from .class_choice import choose_classes
from .commands import note
from .errors import UserError

_MOST_NAMES = 12  # said of a sample on the page


def browse(cfg: Config, args: argparse.Namespace, command: str) -> str:
    """Draw samples of the training set of a config.

    Args:
        cfg: with `train_dataloader`.
        args: of the command line.
        command: as the user typed it, for the page.

    Returns:
        What was written where, for the user.

    Raises:
        UserError: no training set, no class that is asked for, or samples that are no images with instances.
    """
    compat.install()
    init_default_scope(cfg.get('default_scope') or 'mmdet')
    if cfg.get('train_dataloader') is None:
        raise UserError('the config has no train_dataloader, whose samples are to be drawn')
    set_random_seed(args.seed)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.full_init()
    statistics = find_class_statistics(dataset)
    note(f'{statistics.summary()}; the dataset gives {len(dataset)} samples')
    groups = statistics.frequency.tolist()
    chosen = choose_classes(args.classes, statistics.names, groups, 'name classes')
    order = [int(label) for label in np.argsort(statistics.image_count, kind='stable') if chosen[label]]
    rng = np.random.default_rng(args.seed)
    turns = list(choose_samples(_labels_of(dataset), order, args.num, rng, partial(_image_of, dataset)))
    if not turns:
        raise UserError('no sample of the training set shows a class that is asked for')
    args.out.mkdir(parents=True, exist_ok=True)
    is_bgr = bool((cfg.model.get('data_preprocessor') or {}).get('bgr_to_rgb', True))
    page = []
    for place, (label, position) in enumerate(tqdm(turns, unit='sample')):
        sample = dataset[position]
        drawn = drawn_sample(sample['data_samples'], statistics.names, groups)
        file = args.out / f'{place:04d}.png'
        file.write_bytes(figure_png(plot_image(_pixels(sample['inputs'], is_bgr), drawn, statistics.names[label])))
        page.append(_entry(file.name, label, sample['data_samples'], drawn, statistics))
    path = write_image_page(
        args.out / 'index.html',
        'Training samples',
        page,
        date=datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z'),
        facts={'config': str(cfg.filename), 'training set': statistics.summary(), 'command': command},
        note='Each sample is drawn for one class, those of the fewest training images first, as the pipeline of the '
        'training gives it. Grey: instances that the training ignores.',
    )
    return f'{len(page)} samples: {path}'


def choose_samples(
    samples: ImageLabels,
    order: Sequence[int],
    count: int,
    rng: np.random.Generator,
    image_of: Callable[[int], Hashable],
) -> Iterator[tuple[int, int]]:
    """Select samples so that the classes take turns; no image comes twice, however often resampling repeats it.

    Args:
        samples: the classes on each sample.
        order: classes, the first of a turn first.
        count: how many samples, at most.
        rng: chooses among the samples of a class.
        image_of: tells the image of a sample.

    Yields:
        A class and a sample that shows it.
    """
    positions, offsets = samples.images_by_class()
    queues = {label: rng.permutation(positions[offsets[label] : offsets[label + 1]]).tolist() for label in order}
    shown: set[Hashable] = set()
    while len(shown) < count and any(queues.values()):
        for label, queue in queues.items():
            while queue and image_of(queue[-1]) in shown:
                queue.pop()
            if queue and len(shown) < count:
                shown.add(image_of(queue[-1]))
                yield label, queue.pop()


def _labels_of(dataset: Any) -> ImageLabels:
    """Wrappers of mmengine and mmdet that resample nothing tell the labels of a sample in its annotation alone."""
    try:
        return read_image_labels(dataset)
    except TypeError:
        instances = [dataset.get_data_info(position)['instances'] for position in range(len(dataset))]
    names = dataset.metainfo.get('classes') or ()
    labels = [{each['bbox_label'] for each in some if not each.get('ignore_flag', 0)} for some in instances]
    return ImageLabels.flatten([sorted(each) for each in labels], num_classes=len(names))


def _image_of(dataset: Any, position: int) -> Hashable:
    return dataset.get_data_info(position).get('img_path', position)


def drawn_sample(sample: DetDataSample, classes: Sequence[str], groups: Sequence[str]) -> DrawnInstances:
    """Return the instances of a training sample, ready to be drawn; those that are ignored come last, without group.

    Args:
        sample: as a pipeline packs it.
        classes: names.
        groups: of the classes.
    """
    parts = []
    for instances in (sample.get('gt_instances'), sample.get('ignored_instances')):
        if instances is None or not len(instances):
            continue
        boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
        labels = instances.labels.tolist()
        masks = instances.masks.to_ndarray().astype(bool) if 'masks' in instances else None
        drawn = DrawnInstances(
            boxes.numpy().astype(np.float64), [classes[c] for c in labels], [groups[c] for c in labels], masks
        )
        if instances is not sample.get('gt_instances'):
            drawn = replace(drawn, groups=[''] * len(labels), names=[f'{name}, ignored' for name in drawn.names])
        parts.append(drawn)
    if not parts:
        return DrawnInstances(np.zeros((0, 4)), [], [])
    has_masks = all(part.masks is not None for part in parts)
    return DrawnInstances(
        np.concatenate([part.boxes for part in parts]),
        [name for part in parts for name in part.names],
        [group for part in parts for group in part.groups],
        np.concatenate([part.masks for part in parts]) if has_masks else None,
    )


def _pixels(inputs: Any, is_bgr: bool) -> NDArray[np.uint8]:
    """Return the (3, H, W) image of a sample as (H, W, 3) RGB."""
    if not hasattr(inputs, 'permute'):
        raise UserError(
            f'a sample of the training set holds a {type(inputs).__name__} of inputs, expected one image; leave out '
            'the transforms that make several views'
        )
    image = inputs.permute(1, 2, 0).numpy()
    image = image[..., ::-1] if is_bgr else image
    return np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.uint8)


def _entry(
    file: str, label: int, sample: DetDataSample, drawn: DrawnInstances, statistics: ClassStatistics
) -> PageImage:
    names = dict(zip(drawn.names, drawn.groups, strict=True))
    words = [*names.items()][:_MOST_NAMES]
    more = f' and {len(names) - _MOST_NAMES} more classes' if len(names) > _MOST_NAMES else ''
    image = str(sample.get('img_path', ''))
    gone = '' if statistics.names[label] in names else ' (cropped or covered by a transform)'
    title = f'{statistics.names[label]}{gone}, on {statistics.image_count[label]} training images'
    return PageImage(file, title, words, f'{len(drawn.names)} instances{more}; {image}')
