"""A run that is killed at any moment ends, bit by bit, as one that was left alone.

All of it: `python -m pytest tests/drill -m drill -s` prints the table (case, expected, seen).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longtail_det.synthetic import PRESETS, make_glyphs

from ..configs.test_glyphs import set_num_classes
from ..configs.zoo import innermost, load
from .drill import Outcome, drill

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get('DRILL_KILLS', 12))  # of one process; half as many of two
STEPS = 2 * KILLS + 4

#: a family each; the glyph configs train from scratch, with norms whose statistics every rank keeps to itself
FAMILIES = [
    'seesaw_random',
    'droploss_random',
    'eqlv2_random',
    'rio_rfs',
    'rio-seesaw_rfs',
    'ce_rfs-stochastic',
    'ce-copy-paste_rfs',
    'droploss-gumbel_random',
    'ecm_random',
    'ebl_random',
    'acsl_random',
    'bags_random',
    'cra_random',
    'fcbl_random',
    'fedloss_random',
    'gap_random',
    'iif_random',
    'logit-adjusted_random',
    'pcb-seesaw_random',
    'sigmoid_random',
    'eql-gumbel_random',
]
TWO_PROCESSES = [
    'seesaw_random',
    'droploss_random',
    'eqlv2_random',
    'rio_rfs',
    'ce_rfs-stochastic',
    'ce-copy-paste_rfs',
    'droploss-gumbel_random',
    'pcb-seesaw_random',
]

THIN = {
    'backbone.base_channels': 4,
    'neck.in_channels': [4, 8, 16, 32],
    'neck.out_channels': 8,
    'rpn_head.in_channels': 8,
    'rpn_head.feat_channels': 8,
    'roi_head.bbox_roi_extractor.out_channels': 8,
    'roi_head.bbox_head.in_channels': 8,
    'roi_head.bbox_head.fc_out_channels': 16,
    'roi_head.mask_roi_extractor.out_channels': 8,
    'roi_head.mask_head.in_channels': 8,
    'roi_head.mask_head.conv_out_channels': 8,
    'roi_head.mask_head.num_convs': 1,
}
LOADER = {'batch_size': 2, 'num_workers': 1, 'persistent_workers': False}


@pytest.fixture(scope='module')
def glyphs(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('glyphs')
    make_glyphs(out, PRESETS['tiny'], progress=False)
    return out


def write_config(name: str, glyphs: Path, folder: Path, *, ranks: int, by_epoch: bool = False) -> str:
    """A glyph config with thin layers, random colors, batches of 2 and a checkpoint after every step."""
    cfg = load(ROOT / 'configs/glyphs' / f'mask-rcnn_r18_fpn_{name}-ss-600i_glyphs.py')
    dataset = innermost(cfg.train_dataloader.dataset)
    dataset.data_root = str(glyphs)
    dataset.pipeline.insert(-1, dict(type='PhotoMetricDistortion'))
    set_num_classes(cfg.model.roi_head, PRESETS['tiny'].num_classes)
    cfg.merge_from_dict({f'model.{key}': value for key, value in THIN.items()})
    cfg.merge_from_dict({f'train_dataloader.{key}': value for key, value in LOADER.items()})
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=3)
    if by_epoch:
        cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
        cfg.train_dataloader.batch_sampler = dict(type='AspectRatioBatchSampler')
        cfg.train_dataloader.dataset.indices = 7 * ranks  # an epoch of 4 steps, the last of one image
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=-(-STEPS // 4))
    else:
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=STEPS)
    # a second stage starts from nothing here: where its weights are from is not what is tested
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'FirstStageHook']
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    path = folder / 'config.py'
    cfg.dump(path)
    return str(path)


def report(case: str, seen: Outcome) -> None:
    differ = f'{len(seen.different)} tensors differ: {seen.different[:4]}' if seen.different else 'bit-equal'
    print(f'\n| {case} | {seen.kills} kills, {seen.torn} torn files: bit-equal | {differ} |')


@pytest.mark.drill
@pytest.mark.parametrize('name', FAMILIES)
def test_one_process_killed_at_random_events_ends_as_one_left_alone(name, glyphs, tmp_path):
    seen = drill([write_config(name, glyphs, tmp_path, ranks=1)], tmp_path, kills=KILLS)
    report(f'{name}, one process', seen)
    assert not seen.different


@pytest.mark.drill
@pytest.mark.parametrize('name', TWO_PROCESSES)
def test_two_processes_one_killed_end_as_two_left_alone(name, glyphs, tmp_path):
    seen = drill([write_config(name, glyphs, tmp_path, ranks=2)], tmp_path, kills=KILLS // 2, ranks=2)
    report(f'{name}, two processes', seen)
    assert not seen.different


@pytest.mark.drill
@pytest.mark.parametrize('ranks', [1, 2])
def test_a_run_by_epochs_goes_on_in_the_middle_of_one(ranks, glyphs, tmp_path):
    seen = drill([write_config('seesaw_random', glyphs, tmp_path, ranks=ranks, by_epoch=True)], tmp_path,
                 kills=KILLS // ranks, ranks=ranks)  # fmt: skip
    report(f'seesaw_random by epochs, aspect ratios, {ranks} processes', seen)
    assert not seen.different


@pytest.mark.drill
def test_gradients_of_accumulated_batches_are_not_lost(glyphs, tmp_path):
    config = write_config('droploss_random', glyphs, tmp_path, ranks=1)
    seen = drill([config, '--accumulate', '3'], tmp_path, kills=KILLS)
    report('droploss_random, 3 batches an update', seen)
    assert not seen.different


def test_a_toy_killed_twice_ends_as_one_left_alone(tmp_path, monkeypatch):
    """The part of the drill that runs always."""
    toy = ROOT / 'tests/cli/toy'
    monkeypatch.syspath_prepend(str(toy))  # the processes get it too
    config = tmp_path / 'noisy.py'
    config.write_text(
        f'_base_ = [{str(toy / "toy_config.py")!r}]\nmodel = dict(noise=0.5)\n'
        'train_dataloader = dict(dataset=dict(noise=0.5))\ntrain_cfg = dict(max_iters=8)\n'
        'default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2))\n'
    )
    seen = drill([str(config)], tmp_path, kills=2)
    assert (seen.kills, seen.different) == (2, ())
