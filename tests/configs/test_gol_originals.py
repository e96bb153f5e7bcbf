"""The settings of the GOL experiments, row by row as read from the originals, in the configs that replace them."""

from __future__ import annotations

import csv
import math

import pytest

from .zoo import MODEL_OF, PATH_OF, ROOT, load, stages

with (ROOT / 'tests/configs/gol_originals.tsv').open() as stream:
    ROWS = [{key.strip('# '): value for key, value in row.items()} for row in csv.DictReader(stream, delimiter='\t')]
LOSSES = {
    'softmax CE': 'CrossEntropyLoss',
    'sigmoid CE': 'SigmoidCE',
    'GumbelCE': 'GumbelCE',
    'ClassRelativeActivations': 'ClassRelativeActivations',
    'DropLoss-gumbel': 'DropLoss',
    'DropLoss-sigmoid': 'DropLoss',
    'EQL-gumbel': 'EQL',
    'EQL-sigmoid': 'EQL',
}
DETECTORS = {'mask': 'MaskRCNN', 'cascade': 'CascadeRCNN', 'htc': 'HybridTaskCascade', 'faster': 'FasterRCNN'}
BACKBONES = {
    'r50': ('ResNet', 50),
    'r101': ('ResNet', 101),
    'x101-64x4d': ('ResNeXt', 101),
    'swin-t': ('SwinTransformer', None),
}


def configs_of(row):
    """Name and config of whatever replaces an original, with the differences it admits."""
    for name, model in MODEL_OF.items():
        for original in model.get('Original', ()):
            if original['Name'] == f'GOL: {row["name"]}':
                yield name, load(PATH_OF[name]), original.get('Differences', [])


@pytest.mark.parametrize('row', ROWS, ids=[row['name'] for row in ROWS])
def test_the_settings_are_the_originals(row):
    found = list(configs_of(row))
    assert found
    for name, cfg, differences in found:
        detector, backbone = row['detector'].split()
        assert cfg.model.type == DETECTORS[detector]
        assert (cfg.model.backbone.type, cfg.model.backbone.get('depth')) == BACKBONES[backbone]
        assert cfg.num_classes == int(row['classes'])
        assert cfg.train_cfg.max_epochs == int(row['epochs'])
        assert (cfg.train_dataloader.dataset.type == 'RepeatFactorDataset') == (row['sampling'] == 'rfs')
        assert cfg.train_dataloader.dataset.get('oversample_thr', 1e-3) == 1e-3
        optimizer = cfg.optim_wrapper.optimizer
        assert (optimizer.type, optimizer.lr) == (('AdamW', 1e-4) if backbone == 'swin-t' else ('SGD', 0.02))
        assert (cfg.model.test_cfg.rcnn.nms.iou_threshold == float(row['NMS IoU'])) == ('nms' not in differences)
        for mask_head in stages(cfg.model.roi_head.get('mask_head')):
            assert ('predictor_cfg' in mask_head) == ('mask' in row['normed'])
        for head in stages(cfg.model.roi_head.bbox_head):
            check_box_head(row, head, differences, name)


def check_box_head(row, head, differences, name):
    loss = head.loss_cls
    assert loss.type == LOSSES[row['loss']]
    normed = 'cls' in row['normed']
    assert head.get('cls_predictor_cfg') == (dict(type='NormedLinear', temperature=5) if normed else None)
    assert (row['temperature'] == '5') == normed
    assert loss.get('activation', 'sigmoid') == ('gumbel' if row['loss'].endswith('-gumbel') else 'sigmoid')
    assert loss.get('lambda_', 0.0) == float(row['lambda'].replace('-', '0'))
    if row['loss'] == 'softmax CE':
        assert not loss.use_sigmoid
        assert 'init' in differences
        assert 'cls_bias' not in head
    else:
        assert initial_values(head) == (row['weight'], 0.0 if normed else float(row['bias']))
    if row['loss'] == 'sigmoid CE':
        assert (loss.get('test_activation', 'sigmoid') == 'sigmoid') == ('decode' in differences), name


def initial_values(head):
    """Constant of the classifier's weights ('-': drawn by mmdet), and its bias.

    A `NormedLinear` draws its own weights and sets its bias to 0, whatever an `init_cfg` says before.
    """
    if head.get('init_cfg') is not None:
        assert head.init_cfg.type == 'Constant'
        assert head.init_cfg.override == dict(name='fc_cls')
        return f'1e{round(math.log10(head.init_cfg.val))}', head.init_cfg.bias
    return ('1e-3' if head.get('paper_init') else '-'), head.get('cls_bias', 0.0)
