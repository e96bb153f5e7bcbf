"""mmengine's dataset over columns: no list of dicts is made, an item is built when it is asked for."""

from __future__ import annotations

import copy
import os.path as osp
from collections.abc import Sequence
from typing import Any, TypeVar

from mmengine.fileio import get_local_path, load
from mmengine.structures import InstanceData

from longtail_det.annotations import AnnotationColumns, LabelIndex
from longtail_det.restricted_pickle import load_plain_pickle

from .instances import build_info
from .mixing import MixableDataset

#: what mmdet's DumpProposals writes
_PROPOSALS = {('mmengine.structures.instance_data', 'InstanceData'): InstanceData}
_T = TypeVar('_T', bound='ColumnDataset')


class ColumnDataset(MixableDataset):
    """Items of an annotation file, built from its columns; copies and subsets share these.

    `load_data_list` of a subclass opens the columns and makes the label index, `filter_data` selects from it. Both
    return the empty list that mmengine keeps in `data_list`.
    """

    _columns: AnnotationColumns
    _label_index: LabelIndex
    _fully_initialized: bool
    proposal_file: str | None

    def full_init(self) -> None:
        """Read the annotation file, unless that is done."""
        if self._fully_initialized:
            return
        self.data_list = self.load_data_list()
        if self.proposal_file is not None:
            self.load_proposals()
        self.data_list = self.filter_data()
        if self._indices is not None:
            self._label_index = self._label_index.select(self._indices)
        self._fully_initialized = True

    def load_proposals(self) -> None:
        """Read `proposal_file`, a .json or a pickle, which maps `folder/file name` of each image to its proposals."""
        self.proposal_file = osp.join(self.data_root, self.proposal_file or '')
        if self.proposal_file.endswith('.json'):
            self._proposals = load(self.proposal_file, backend_args=self.backend_args)
        else:
            # mmengine would unpickle freely, and its yaml makes any object too
            with get_local_path(self.proposal_file, backend_args=self.backend_args) as path:
                self._proposals = load_plain_pickle(path, _PROPOSALS)
        if len(self._proposals) != len(self._label_index):
            raise ValueError(
                f'{self.proposal_file} has proposals of {len(self._proposals)} images, expected those of the '
                f'{len(self._label_index)} images of {self.ann_file}'
            )

    def __len__(self) -> int:
        self.full_init()
        return len(self._label_index)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Build what mmdet's transforms read of an image; negative positions count from the end."""
        self.full_init()
        image = range(len(self))[idx]
        info = build_info(self._columns, self._label_index, image, self.data_prefix, self.seg_map_suffix)
        info['sample_idx'] = image
        if self.return_classes:
            info |= {'text': self._metainfo['classes'], 'custom_entities': True}
            info['caption_prompt'] = copy.deepcopy(self.caption_prompt)
        if self.proposal_file is not None:
            info['proposals'] = copy.deepcopy(self._proposals['/'.join(info['img_path'].split('/')[-2:])])
        return info

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep the first or last images, or those of a list."""
        self.full_init()
        self._label_index = self._label_index.select(indices)

    def get_subset(self: _T, indices: Sequence[int] | int) -> _T:
        """Copy with the first or last images, or those of a list."""
        self.full_init()
        # not mmengine's default memo, one dict for all calls: it holds ids of objects that are gone
        subset: _T = self._copy_without_annotation({})
        subset.data_list = []
        subset.get_subset_(indices)
        return subset
