"""A whole Mask R-CNN of random weights on a dozen images: what predict, browse and mmdet's own interfaces run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from longtail_det.annotations import load_class_statistics
from longtail_det.synthetic import PRESETS, make_glyphs

from .conftest import ROOT

_CONFIG = """
_base_ = {base!r}
data_root = {data!r}
model = dict(
    backbone=dict(base_channels=4),
    neck=dict(in_channels=[4, 8, 16, 32], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=16, num_classes={classes}),
        mask_roi_extractor=dict(out_channels=16),
        mask_head=dict(in_channels=16, conv_out_channels=16, num_classes={classes}),
    ),
    test_cfg=dict(rcnn=dict(max_per_img=12)),
)
train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root)))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/glyphs_val.json')
test_evaluator = val_evaluator
"""


class TinyDetector(NamedTuple):
    """Files of a detector.

    Args:
        data: folder of images and annotations.
        config: names `data`.
        checkpoint: of random weights, with the names and counts of the classes, as a training saves it.
    """

    data: Path
    config: Path
    checkpoint: Path

    @property
    def images(self) -> list[Path]:
        """The validation images."""
        return sorted((self.data / 'val2017').iterdir())


def make_detector(folder: Path) -> TinyDetector:
    """Write the files below a folder."""
    data = folder / 'data'
    make_glyphs(data, PRESETS['tiny'], progress=False)
    statistics = load_class_statistics(data / 'annotations' / 'glyphs_train.json')
    base = ROOT / 'configs' / 'glyphs' / 'mask-rcnn_r18_fpn_ce_rfs-ss-600i_glyphs.py'
    config = folder / 'tiny.py'
    config.write_text(_CONFIG.format(base=str(base), data=f'{data}/', classes=statistics.num_classes))
    init_default_scope('mmdet')  # fixtures of a module come before the one that sets it for a test
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    model.init_weights()
    torch.nn.init.normal_(model.roi_head.bbox_head.fc_cls.weight, std=10)  # or one class would win everywhere
    meta = {'dataset_meta': {'classes': statistics.names}, 'class_statistics': statistics.to_dict()}
    checkpoint = folder / 'tiny.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, checkpoint)
    return TinyDetector(data, config, checkpoint)
