from __future__ import annotations

import pytest
import torch
from mmdet.models.backbones.swin import SwinTransformer
from mmdet.models.layers import PatchMerging
from torch import nn

from longtail_det.compat.upgrade import compare, from_mmdet2

from .models import build, maps, mask_rcnn, predictions


def as_mmdet2(model: nn.Module, prefix: str = '') -> dict:
    """A checkpoint as mmdet 2.21 wrote it."""
    return {
        'meta': {
            'mmdet_version': '2.21.0+1a2b3c4',
            'mmcv_version': '1.4.8',
            'config': 'model = dict()',
            'CLASSES': tuple('abcd'),
            'epoch': 12,
        },
        'state_dict': {f'{prefix}{name}': value for name, value in model.state_dict().items()},
        'optimizer': {'state': {}, 'param_groups': []},
    }


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_converted_model_answers_as_the_original(prefix):
    image = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    original = build(mask_rcnn())
    renamed = from_mmdet2(as_mmdet2(original, prefix))
    assert renamed.classes == tuple('abcd')
    converted = build(mask_rcnn(), seed=1)
    found = compare(renamed.weights, converted)
    assert found.is_complete
    assert not found.fresh
    converted.load_state_dict(found.state, strict=True)
    for look in (maps, predictions):
        for ours, theirs in zip(look(converted, image), look(original, image), strict=True):
            assert theirs.numel()
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_the_counters_of_seesaw_and_of_eqlv2_come_along():
    seesaw = build(mask_rcnn(loss_cls={'_delete_': True, 'type': 'SeesawLoss', 'num_classes': 4}))
    seesaw.roi_head.bbox_head.loss_cls.cum_samples.copy_(torch.arange(5.0))
    found = compare(from_mmdet2(as_mmdet2(seesaw)).weights, seesaw)
    assert found.is_complete
    assert found.state['roi_head.bbox_head.loss_cls.cum_samples'].tolist() == [0, 1, 2, 3, 4]

    eqlv2 = build(mask_rcnn(loss_cls={'_delete_': True, 'type': 'EQLv2', 'num_classes': 4}))
    checkpoint = as_mmdet2(eqlv2)
    # mmdet's own class of this loss saves the ratio of its two counters too
    prefix = 'roi_head.bbox_head.loss_cls.'
    checkpoint['state_dict'] |= {f'{prefix}pos_grad': torch.full((4,), 7.0), f'{prefix}pos_neg': torch.ones(4)}
    renamed = from_mmdet2(checkpoint)
    found = compare(renamed.weights, eqlv2)
    assert found.is_complete
    assert found.state[f'{prefix}pos_grad'].tolist() == [7] * 4
    assert list(renamed.dropped) == [f'{prefix}pos_neg']


def test_a_loss_that_counts_starts_anew_where_the_source_did_not_save_it():
    model = build(mask_rcnn(loss_cls={'_delete_': True, 'type': 'EQLv2', 'num_classes': 4}))
    checkpoint = as_mmdet2(model)
    for name in ('pos_grad', 'neg_grad'):
        del checkpoint['state_dict'][f'roi_head.bbox_head.loss_cls.{name}']
    found = compare(from_mmdet2(checkpoint).weights, model)
    assert found.is_complete
    assert found.fresh == tuple(f'roi_head.bbox_head.loss_cls.{name}' for name in ('pos_grad', 'neg_grad'))
    model.load_state_dict(found.state, strict=True)


def test_copies_of_the_average_are_left_out():
    checkpoint = {'state_dict': {'ema_backbone_conv1_weight': torch.zeros(1), 'backbone.conv1.weight': torch.zeros(1)}}
    renamed = from_mmdet2(checkpoint)
    assert list(renamed.weights) == ['backbone.conv1.weight']
    assert list(renamed.dropped) == ['ema_backbone_conv1_weight']


def swin_names_of_its_authors(model: nn.Module) -> dict[str, torch.Tensor]:
    old = {}
    for name, value in model.state_dict().items():
        parts = name.split('.')
        if parts[0] == 'patch_embed':
            parts = ['proj' if part == 'projection' else part for part in parts]
        if parts[0] == 'stages':
            parts[0] = 'layers'
            parts = [part for part in parts if part != 'w_msa']
            text = '.'.join(parts).replace('ffn.layers.0.0', 'mlp.fc1').replace('ffn.layers.1', 'mlp.fc2')
            parts = text.split('.')
        old['.'.join(['backbone', *parts])] = value.clone()
    return old


def test_swin_finds_every_name_of_its_authors():
    swin = SwinTransformer(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1), window_size=7)
    names = {f'backbone.{name}' for name in swin.state_dict()}
    old = swin_names_of_its_authors(swin)
    assert not set(old) <= names
    assert set(from_mmdet2({'state_dict': old}).weights) == names


def test_swin_of_later_mmdet_is_taken_as_it_is():
    swin = SwinTransformer(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1))
    state = {f'backbone.{name}': value for name, value in swin.state_dict().items()}
    weights = from_mmdet2({'state_dict': state}).weights
    assert weights.keys() == state.keys()
    assert all(weights[name] is state[name] or torch.equal(weights[name], state[name]) for name in state)


def test_patch_merging_of_the_authors_gives_the_same_map():
    """Swin's paper code: the four neighbors side by side, normalized, reduced."""
    torch.manual_seed(0)
    channels, height, width = 3, 4, 6
    norm, reduction = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    x = torch.randn(2, height, width, channels)
    stacked = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
    expected = reduction(norm(stacked)).flatten(1, 2)

    theirs = {f'norm.{k}': v for k, v in norm.state_dict().items()} | {'reduction.weight': reduction.weight}
    old = {f'backbone.layers.0.downsample.{name}': value for name, value in theirs.items()}
    weights = from_mmdet2({'state_dict': {**old, 'backbone.patch_embed.proj.weight': torch.zeros(1)}}).weights
    ours = PatchMerging(channels, 2 * channels)
    prefix = 'backbone.stages.0.downsample.'
    ours.load_state_dict({n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}, strict=True)
    torch.testing.assert_close(ours(x.flatten(1, 2), (height, width))[0], expected)
