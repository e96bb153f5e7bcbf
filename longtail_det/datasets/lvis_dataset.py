"""A detection dataset that takes everything it knows from an LVIS- or COCO-format file."""

from __future__ import annotations

import logging
import os.path as osp
from collections.abc import Iterable, Mapping, Sized
from typing import Any

import numpy as np
from mmdet.registry import DATASETS
from mmengine.fileio import get_local_path
from mmengine.logging import print_log
from numpy.typing import NDArray

from longtail_det.annotations import (
    ON_BAD,
    AnnotationColumns,
    BadRecords,
    check_classes,
    index_labels,
    open_store,
    read_categories,
    read_columns,
    select_categories,
    select_good,
)
from longtail_det.checks import number, one_of
from longtail_det.statistics import ClassStatistics

from .column_dataset import ColumnDataset
from .image_files import keep_images_on_disk
from .mask_loading import keep_loadable_masks
from .palette import make_palette


# mmdet registers its LVIS v0.5 class under this name too; ours reads the same files to the same instances.
@DATASETS.register_module(force=True)
class LVISDataset(ColumnDataset):
    """Any LVIS v0.5, LVIS v1 or COCO instance file; classes, frequencies and counts are read from it.

    Classes are the categories of the file in ascending order of id, which is the order of mmdet's LVIS datasets
    and of their checkpoints, or those of `metainfo=dict(classes=...)` in the order given there. Which annotations
    become instances follows mmdet: crowd regions get `ignore_flag=1`; those with `ignore`, without area or with
    a side below one pixel are left out.

    Args:
        ann_file: json file, absolute or below `data_root`.
        data_prefix: `img`, the image folder, absolute or below `data_root`; and `seg` for semantic maps. File
            names are `file_name`, or the last two parts of `coco_url` where there is none (LVIS v1: set `img=''`
            and keep the folders train2017 and val2017 side by side).
        on_bad: 'error' refuses a file with bad records and names the first of them; 'skip' leaves them out, and
            logs how many; docs/annotations.md lists what is bad.
        check_images: also look for every image file; without it, for the first one only.
        store: map the annotations from a folder of columns, `<ann_file>.store`, that the first process builds and
            all processes share. Without it, and where a backend fetches the file, they are in memory.
        lazy_init: read only the classes now, and the rest at the first use.
        filter_cfg: for training (`test_mode=False`): `filter_empty_gt=True` leaves out images on which no
            annotation of a class lies, crowd regions and tiny ones counting as in mmdet; `min_size` those with
            a shorter side, in pixels.
        kwargs: of mmdet's `BaseDetDataset`: `data_root`, `metainfo`, `pipeline`, `indices`, `test_mode`, ... Its
            `serialize_data` has no effect: there is no list of dicts (`data_list` is empty).

    Raises:
        FileNotFoundError: the annotation file or the first image is missing.
        ValueError: bad data, an unknown class or an unknown option, in one line.

    Example:
        In a config::

            dict(
                type='LVISDataset',
                data_root='data/coco/',
                ann_file='annotations/lvis_v1_train.json',
                data_prefix=dict(img=''),
                filter_cfg=dict(filter_empty_gt=True, min_size=32),
                pipeline=train_pipeline,
            )
    """

    cat_ids: list[int]
    cat2label: dict[int, int]
    category_records: list[Mapping[str, Any]]

    def __init__(
        self,
        ann_file: str = '',
        *,
        data_prefix: Mapping[str, str] | None = None,
        on_bad: str = 'error',
        check_images: bool = False,
        store: bool = True,
        lazy_init: bool = False,
        filter_cfg: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        _refuse_unknown('data_prefix', data_prefix or (), ('img', 'seg'))
        _refuse_unknown('filter_cfg', filter_cfg or (), ('filter_empty_gt', 'min_size'))
        self.on_bad = one_of('on_bad', on_bad, ON_BAD)
        if filter_cfg is not None and 'min_size' in filter_cfg:
            number('filter_cfg.min_size', filter_cfg['min_size'], 0)
        indices = kwargs.get('indices')
        if isinstance(indices, (int, Sized)) and not indices:
            raise ValueError(f'indices={indices!r} leaves no image; expected how many, or a list of positions')
        self.check_images = check_images
        self.store = store
        prefix = {'img': '', **(data_prefix or {})}
        super().__init__(ann_file=ann_file, data_prefix=prefix, filter_cfg=filter_cfg, lazy_init=True, **kwargs)
        classes = self._metainfo.get('classes')
        self._wanted = None if classes is None else check_classes(classes)
        if not lazy_init:
            self.full_init()
        elif self._wanted is None:
            self._peek_classes()
        else:
            self._set_classes(self._wanted)

    # ---- what samplers, losses and metrics ask for

    @property
    def class_statistics(self) -> ClassStatistics:
        """Counts of the images that this dataset holds, after `filter_cfg` and subsets; class order is kept."""
        self.full_init()
        return self._label_index.statistics(self._metainfo['classes'])

    @property
    def labels_per_image(self) -> list[NDArray[np.int32]]:
        """For each image the ascending labels of its instances, each once, crowd regions left out; no file is read."""
        self.full_init()
        return self._label_index.unique_labels()

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of all boxes of an image as mmdet gives them: repeated, in order, crowd regions included."""
        self.full_init()
        return self._label_index.labels_of(range(len(self))[idx]).tolist()

    # ---- mmengine's steps of initialization

    def load_data_list(self) -> list[dict[str, Any]]:
        """Open the columns of the annotation file, and find the annotations of each image; the list stays empty."""
        bad = BadRecords(self.ann_file)
        self._columns = self._open_columns()
        file = select_good(self._columns, bad, need_annotations=not self.test_mode)
        self._set_categories(select_categories(file.categories, self._wanted, self.ann_file))
        names = file.images.names if self.check_images else file.images.names[:1]
        paths = [osp.join(self.data_prefix['img'], name) for name in names]
        hint = f'the first of {self.ann_file} ({self._where_to_look("data_prefix")})'
        images = keep_images_on_disk(file.images, paths, bad, hint, self.backend_args, check_all=self.check_images)
        annotations = keep_loadable_masks(file.annotations, self.cat_ids, self.pipeline.transforms, bad)
        bad.settle(self.on_bad)
        self._label_index = index_labels(annotations, images, np.array(self.cat_ids, dtype=np.int64))
        summary = f'{self.ann_file}: {len(self.cat_ids)} classes, {self._label_index.summary()}'
        print_log(summary, logger='current')
        return []

    def filter_data(self) -> list[dict[str, Any]]:
        """Apply `filter_cfg` in training."""
        if self.test_mode or not self.filter_cfg:
            return []
        index = self._label_index
        keep = self._columns.images.sizes[index.image_rows].min(axis=1) >= self.filter_cfg.get('min_size', 0)
        if self.filter_cfg.get('filter_empty_gt', False):
            keep &= index.annotated
        if not keep.any():
            raise ValueError(
                f'{self.ann_file}: filter_cfg={self.filter_cfg} leaves none of {len(keep)} images for the '
                f'{len(self.cat_ids)} classes; correct the classes or filter_cfg'
            )
        self._label_index = index.select(np.flatnonzero(keep))
        return []

    # ---- reading

    def _open_columns(self) -> AnnotationColumns:
        try:
            with get_local_path(self.ann_file, backend_args=self.backend_args) as path:
                # a file that a backend fetches is deleted after reading
                if self.store and str(path) == self.ann_file:
                    return open_store(path)
                return read_columns(path, self.ann_file)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{error} ({self._where_to_look("ann_file")})') from None

    def _peek_classes(self) -> None:
        """Set the classes of a lazy dataset; without the file they stay open, so that a checkpoint alone runs."""
        bad = BadRecords(self.ann_file)
        try:
            with get_local_path(self.ann_file, backend_args=self.backend_args) as path:
                self._set_categories(read_categories(path, bad))
        except FileNotFoundError as error:
            print_log(f'{error}; the classes stay unknown', logger='current', level=logging.WARNING)
        bad.settle(self.on_bad)

    def _set_classes(self, names: tuple[str, ...]) -> None:
        self._metainfo['classes'] = names
        if not self._metainfo.get('palette'):
            self._metainfo['palette'] = make_palette(len(names))

    def _set_categories(self, records: list[Mapping[str, Any]]) -> None:
        self.category_records = records
        self.cat_ids = [record['id'] for record in records]
        self.cat2label = {category_id: label for label, category_id in enumerate(self.cat_ids)}
        self._set_classes(tuple(record['name'] for record in records))

    def _where_to_look(self, key: str) -> str:
        return f'data_root={self.data_root!r}; correct data_root or {key} in the config, or see data/README.md'


def _refuse_unknown(name: str, found: Iterable[str], valid: tuple[str, ...]) -> None:
    unknown = sorted(set(found) - set(valid))
    if unknown:
        raise ValueError(f'{name} has the keys {unknown}, expected only {list(valid)}')
