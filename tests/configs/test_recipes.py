"""The settings that the losses without an original config take from their authors' recipes, and their table."""

from __future__ import annotations

import re

import pytest

from longtail_det.engine import LossEpochHook
from longtail_det.losses import DENSE_LOSSES, ROI_LOSSES

from .zoo import ALL, CONFIGS, FAMILIES, PATH_OF, load

#: base and strength by the option of the name
PCB_BASES = {None: ('CrossEntropyLoss', 0.4), '-seesaw': ('SeesawLoss', 0.05), '-eqlv2': ('EQLv2', 0.2)}
PCB = [path for path in ALL if '_pcb' in path.stem]


@pytest.mark.parametrize(('schedule', 'milestones'), [('1x', [8, 11]), ('2x', [20, 22])])
def test_ecm_warms_up_long_clips_and_normalizes(schedule, milestones):
    cfg = load(PATH_OF[f'mask-rcnn_r50_fpn_ecm-normed-mask_rfs-ms-{schedule}_lvis-v1'])
    warm_up, steps = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end, warm_up.start_factor, warm_up.by_epoch) == (0, 10000, 1e-4, False)
    assert (steps.milestones, steps.end) == (milestones, cfg.train_cfg.max_epochs)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=5)
    assert cfg.optim_wrapper.optimizer.lr == 0.02
    assert cfg.model.roi_head.bbox_head.cls_predictor_cfg.type == 'NormedLinear'


def test_fed_loss_has_the_threshold_and_prior_of_centernet2():
    cfg = load(PATH_OF['mask-rcnn_r50_fpn_fedloss_rfs-ms-2x_lvis-v1'])
    assert (cfg.model.test_cfg.rcnn.score_thr, cfg.model.test_cfg.rcnn.max_per_img) == (0.02, 300)
    assert cfg.model.roi_head.bbox_head.prior_prob == 0.01
    assert cfg.train_dataloader.dataset.oversample_thr == 1e-3


@pytest.mark.parametrize('path', PCB, ids=lambda path: path.stem)
def test_pcb_begins_within_its_schedule(path):
    """The hook tells the loss the epoch; it is on for the last third of the schedule or a little more."""
    cfg = load(path)
    loss = cfg.model.roi_head.bbox_head.loss_cls
    base = re.search(r'_pcb(-seesaw|-eqlv2)?', path.stem)[1]
    assert (loss.base.type, loss.alpha) == PCB_BASES[base]
    assert LossEpochHook.__name__ in [hook.type for hook in cfg.custom_hooks]
    if cfg.train_cfg.type == 'IterBasedTrainLoop':
        assert cfg.train_cfg.max_iters * cfg.train_dataloader.batch_size == 1.6 * 3000  # images of LongTailGlyphs
        assert loss.start_epoch == 2
    else:
        assert (loss.start_epoch, cfg.train_cfg.max_epochs) == (17, 24)


def test_the_iterative_head_has_the_weights_of_its_authors():
    head = load(PATH_OF['mask-rcnn_r50_fpn_pcb-iterative_rfs-ms-2x_lvis-v1']).model.roi_head.bbox_head
    assert (head.type, head.pass_weights) == ('IterativeBBoxHead', [0.2, 0.2, 0.6])


def test_the_table_of_wishes_knows_every_loss_and_folder():
    text = (CONFIGS / 'README.md').read_text()
    section = re.search(r'^## What each method wants\n(.*?)^## ', text, re.MULTILINE | re.DOTALL)[1]
    assert set(FAMILIES) == set(re.findall(r'\]\((\w+)/README\.md\)', section))
    named = {loss.__name__ for loss in (*ROI_LOSSES, *DENSE_LOSSES)}
    assert named <= set(re.findall(r'`(\w+)`', section))
