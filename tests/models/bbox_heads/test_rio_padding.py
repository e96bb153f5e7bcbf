"""On a GPU the replay has a fixed number of rows, so that nothing waits; padding changes no number."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS

from longtail_det.models.bbox_heads import rio_bbox_head
from longtail_det.models.bbox_heads.replay import may_pad

from ...torch_versions import fake_gpu
from .rio_heads import CFG, LOSSES, STEPS, assert_same, backward, build, images_of, run

STATELESS = [name for name, config in LOSSES.items() if not list(MODELS.build(config).buffers())]


@pytest.mark.parametrize('loss', STATELESS)
@pytest.mark.parametrize('arguments', [{}, dict(reg_class_agnostic=True), dict(replay_reg=False)], ids=str)
def test_padding_changes_nothing(loss, arguments, monkeypatch):
    plain, padded = (build(loss_cls=LOSSES[loss], **arguments) for _ in range(2))
    for seed, step in enumerate(STEPS):
        expected, _ = run(plain, step, seed)
        with monkeypatch.context() as patch:
            patch.setattr(rio_bbox_head, 'may_pad', lambda *_: True)
            losses, _ = run(padded, step, seed)
        torch.testing.assert_close(losses, expected)
        torch.testing.assert_close(backward(padded, losses), backward(plain, expected))
    assert_same(plain.bank.state_dict(), padded.bank.state_dict())


def test_only_a_loss_without_state_is_given_padding_and_only_on_a_gpu():
    assert 'CrossEntropyLoss' in STATELESS
    assert not {'SeesawLoss', 'EQLv2'} & set(STATELESS)
    with fake_gpu():
        on_gpu, on_cpu = torch.zeros(1, device='cuda'), torch.zeros(1)
    for name, config in LOSSES.items():
        assert may_pad(MODELS.build(config), on_gpu) == (name in STATELESS)
        assert not may_pad(MODELS.build(config), on_cpu)


@pytest.mark.parametrize('strategy', ['recent', 'random'])
def test_on_a_gpu_the_replay_waits_for_nothing(strategy, monkeypatch):
    """Fake tensors are of a GPU without one, and refuse whatever needs a value or a shape from the device."""
    with fake_gpu():
        with torch.device('cuda'):
            head = build(strategy=strategy, real=False)
        # mmdet's own box loss asks the device whether there is foreground
        monkeypatch.setattr(head, 'loss', lambda *_: dict(loss_bbox=torch.zeros((), device='cuda')))
        images = images_of(STEPS[0], 0)
        for image in images:
            vars(image).update({k: v.to('cuda') for k, v in vars(image).items() if isinstance(v, torch.Tensor)})
        rois = torch.zeros(15, 5, device='cuda')
        losses = head.loss_and_target(*head(torch.zeros(15, 2, 3, 3, device='cuda')), rois, images, CFG)
    assert sorted(losses['loss_bbox']) == ['acc', 'loss_bbox', 'loss_cls']
    assert losses['loss_bbox']['loss_cls'].is_cuda
