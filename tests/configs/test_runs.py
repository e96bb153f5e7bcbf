"""Each loss of 2020 to 2025 in each RoI head of mmdet: a run of twenty steps, its resume, and a test, in small."""

from __future__ import annotations

import copy
import dataclasses
import uuid
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner

from longtail_det.engine import FillBankHook
from longtail_det.synthetic import PRESETS, make_glyphs

from .test_glyphs import set_num_classes
from .zoo import PATH_OF, innermost, load, stages

SINGLE = ['acsl', 'bags', 'ebl', 'ecm', 'fcbl', 'fedloss', 'gap', 'iif', 'logit-adjusted', 'pcb', 'pcb-iterative']
KINDS = ['StandardRoIHead', 'CascadeRoIHead', 'HybridTaskCascadeRoIHead']
#: what belongs to second stages, which are tested by themselves
SECOND_STAGE = ('FirstStageHook', 'FreezeHook', 'FillBankHook')
CHANNELS, STEPS, MORE_STEPS = 16, 20, 4


@pytest.fixture(autouse=True)
def _no_text_of_configs(monkeypatch):
    """Formatting it takes longer than the steps."""
    monkeypatch.setattr(Config, 'pretty_text', '')


@pytest.fixture(scope='module')
def glyphs(tmp_path_factory):
    """160 images of 64 pixels, 12 classes."""
    out = tmp_path_factory.mktemp('glyphs')
    make_glyphs(out, dataclasses.replace(PRESETS['tiny'], image_size=64), progress=False)
    return out


class Watch(Hook):
    """Keeps the loss of each step, and the state that the first one starts from."""

    priority = 'LOWEST'

    def __init__(self):
        self.losses, self.state, self.iter = [], None, None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.state is None:
            self.state, self.iter = copy.deepcopy(runner.model.state_dict()), runner.iter

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())


def small_config(name, kind, glyphs, work_dir, left_out=SECOND_STAGE):
    """The glyph config of a method with a tiny detector, in a RoI head of a kind."""
    cfg = load(PATH_OF[f'mask-rcnn_r18_fpn_{name}_random-ss-600i_glyphs'])
    model = cfg.model
    model.backbone.base_channels = 8
    model.neck.update(in_channels=[8, 16, 32, 64], out_channels=CHANNELS)
    model.rpn_head.update(in_channels=CHANNELS, feat_channels=CHANNELS)
    roi = model.roi_head
    for extractor in (roi.bbox_roi_extractor, roi.mask_roi_extractor):
        extractor.out_channels = CHANNELS
    roi.bbox_head.update(in_channels=CHANNELS, fc_out_channels=32)
    roi.mask_head.update(num_convs=1, in_channels=CHANNELS, conv_out_channels=CHANNELS)
    model.test_cfg.rcnn.max_per_img = 20
    if kind in KINDS[1:]:
        heads = [copy.deepcopy(roi.bbox_head) for _ in range(2)]
        roi.update(type=kind, num_stages=2, stage_loss_weights=[1, 0.5], bbox_head=heads)
        model.train_cfg.rcnn = [copy.deepcopy(model.train_cfg.rcnn) for _ in range(2)]
    if kind == 'HybridTaskCascadeRoIHead':
        model.type = 'HybridTaskCascade'
        roi.update(interleaved=True, mask_info_flow=True)
        roi.mask_head = [{**roi.mask_head, 'type': 'LabelHTCMaskHead', 'with_conv_res': i > 0} for i in range(2)]
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type not in left_out]
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False, batch_size=4)
        innermost(loader.dataset).data_root = str(glyphs)
    cfg.val_dataloader.dataset.update(indices=8)
    cfg.val_dataloader.dataset.pipeline[1].scale = (64, 64)
    cfg.val_evaluator.ann_file = str(glyphs / 'annotations' / 'glyphs_val.json')
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    set_num_classes(model, PRESETS['tiny'].num_classes)
    for head in (*stages(roi.bbox_head), *stages(roi.mask_head)):
        set_num_classes(head, PRESETS['tiny'].num_classes)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.update(interval=STEPS)
    cfg.default_hooks.logger.interval = 1000
    cfg.update(work_dir=str(work_dir), launcher='none', randomness=dict(seed=0), log_level='WARNING')
    return cfg


def run(cfg, steps, resume):
    """Train up to so many steps."""
    cfg = copy.deepcopy(cfg)
    cfg.train_cfg = ConfigDict(type='IterBasedTrainLoop', max_iters=steps, val_interval=steps, val_begin=STEPS + 1)
    cfg.resume = resume
    cfg.experiment_name = uuid.uuid4().hex
    runner, watch = Runner.from_cfg(cfg), Watch()
    runner.register_hook(watch)
    runner.train()
    return SimpleNamespace(runner=runner, watch=watch)


def saved(work_dir, step):
    checkpoint = torch.load(work_dir / f'iter_{step}.pth', weights_only=False)
    return checkpoint['state_dict']


def check(cfg, work_dir):
    """Train, resume and test; return the second run."""
    first = run(cfg, STEPS, resume=False)
    second = run(cfg, STEPS + MORE_STEPS, resume=True)
    assert (second.watch.iter, len(second.watch.losses)) == (STEPS, MORE_STEPS)
    expected, begins = saved(work_dir, STEPS), second.watch.state
    assert begins.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(begins[name], value), name
    losses = first.watch.losses + second.watch.losses
    assert all(torch.tensor(losses).isfinite())
    assert sum(losses[-5:]) < sum(losses[:5])
    metrics = second.runner.message_hub.get_scalar('val/lvis/bbox_AP').current()
    assert 0 <= metrics <= 1
    return second


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', SINGLE)
def test_twenty_steps_a_resume_and_a_test(name, kind, glyphs, tmp_path):
    cfg = small_config(name, kind, glyphs, tmp_path)
    check(cfg, tmp_path)
    if name in ('ebl', 'fcbl', 'gap', 'pcb', 'pcb-iterative'):  # the losses with a state go on counting
        before, after = (saved(tmp_path, step) for step in (STEPS, STEPS + MORE_STEPS))
        counters = [key for key in before if key.endswith(('class_count', 'mean_score'))]
        assert len(counters) == (1 if kind == 'StandardRoIHead' else 2)
        assert all(not torch.equal(before[key], after[key]) for key in counters)


@pytest.mark.slow
def test_loce_resumes_with_its_memory_and_its_mean_scores(glyphs, tmp_path, monkeypatch):
    """The bank is filled before the first step, grows in training, and is not filled again."""
    filled = []
    fill = FillBankHook.before_train

    def before_train(self, runner):
        before = bank_of(runner.model.state_dict())['written'].sum()
        fill(self, runner)
        filled.append((int(before), int(bank_of(runner.model.state_dict())['written'].sum())))

    monkeypatch.setattr(FillBankHook, 'before_train', before_train)
    cfg = small_config('loce', 'LOCERoIHead', glyphs, tmp_path, left_out=['FirstStageHook'])
    cfg.train_dataloader.dataset.indices = 32
    second = check(cfg, tmp_path)
    (empty, full), (before, after) = filled
    assert empty == 0
    assert full > 0
    before_steps, after_steps = (bank_of(saved(tmp_path, step)) for step in (STEPS, STEPS + MORE_STEPS))
    assert before == after == before_steps['written'].sum() > full
    assert after_steps['written'].sum() > before
    mean_score = second.watch.state['roi_head.bbox_head.loss_cls.mean_score']
    assert (mean_score[:-1] != 0.01).any()


def bank_of(state):
    prefix = 'roi_head.bbox_head.bank.'
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
