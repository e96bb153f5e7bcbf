from __future__ import annotations

import math

import pytest
import torch
from mmdet.models.task_modules import AnchorGenerator

from longtail_det.compat.upgrade import ImageInput, compare, expected_style, fold_input, from_detectron2, source_input

from .models import BGR, RGB, as_detectron2, build, detectron2_names, maps, mask_rcnn, predictions

RGB_INPUT = ImageInput(RGB['mean'], RGB['std'], is_rgb=True)


@pytest.fixture(scope='module')
def image():
    return torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('depth', [18, 50])
def test_a_converted_model_answers_as_the_original(depth, image):
    original = build(mask_rcnn(depth, preprocessor=BGR))
    checkpoint = {'model': as_detectron2(original, depth), 'iteration': 89999}
    converted = build(mask_rcnn(depth, preprocessor=BGR), seed=1)
    found = compare(from_detectron2(checkpoint).weights, converted)
    assert found.is_complete
    converted.load_state_dict(found.state, strict=True)
    for look in (maps, predictions):
        for ours, theirs in zip(look(converted, image), look(original, image), strict=True):
            assert theirs.numel()
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_model_of_rgb_images_answers_as_the_original_of_bgr(image):
    original = build(mask_rcnn(preprocessor=BGR)).double()
    checkpoint = {'model': as_detectron2(original)}
    renamed = from_detectron2(checkpoint)
    stem = renamed.weights['backbone.conv1.weight']
    renamed.weights['backbone.conv1.weight'] = fold_input(stem, source_input(checkpoint), RGB_INPUT)
    converted = build(mask_rcnn(preprocessor=RGB), seed=1).double()
    converted.load_state_dict(compare(renamed.weights, converted).state, strict=True)
    for ours, theirs in zip(maps(converted, image), maps(original, image), strict=True):
        # means and stds of the data preprocessor are float32
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_without_the_change_of_the_stem_the_answers_differ(image):
    original, other = build(mask_rcnn(preprocessor=BGR)), build(mask_rcnn(preprocessor=RGB))
    assert not torch.allclose(maps(original, image)[0], maps(other, image)[0], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize('depth', [50, 101])
def test_every_name_of_the_real_depths_finds_its_place(depth):
    with torch.device('meta'):
        from mmdet.registry import MODELS

        model = MODELS.build(mask_rcnn(depth, num_classes=1230, base_channels=64))
    weights = {theirs: model.state_dict()[ours] for theirs, ours in detectron2_names(depth)}
    renamed = from_detectron2({'model': weights})
    expected = {name for name in model.state_dict() if not name.endswith('num_batches_tracked')}
    assert set(renamed.weights) == expected
    assert {old: new for new, old in renamed.old_names.items()} == dict(detectron2_names(depth))
    assert compare(renamed.weights, model).is_complete


def test_a_cascade_keeps_its_stages_apart():
    names = [f'roi_heads.box_head.{n}.fc2.weight' for n in range(3)]
    names += [f'roi_heads.box_predictor.{n}.cls_score.bias' for n in range(3)]
    renamed = from_detectron2({'model': {name: torch.zeros(1) for name in names}})
    assert list(renamed.weights) == [
        *(f'roi_head.bbox_head.{n}.shared_fcs.1.weight' for n in range(3)),
        *(f'roi_head.bbox_head.{n}.fc_cls.bias' for n in range(3)),
    ]


def test_what_is_no_weight_of_the_model_is_left_out_with_its_reason():
    extra = {
        'pixel_mean': torch.zeros(3, 1, 1),
        'proposal_generator.anchor_generator.cell_anchors.0': torch.zeros(3, 4),
        'roi_heads.box_predictor.feature_bank.features': torch.zeros(2, 3),
        'roi_heads.memory_ptr': torch.zeros(1),
        'backbone.bottom_up.stem.conv1.norm.num_batches_tracked': torch.zeros(()),
    }
    renamed = from_detectron2({'model': {**extra, 'roi_heads.box_predictor.unheard_of': torch.zeros(1)}})
    assert list(renamed.dropped) == list(extra)
    assert list(renamed.weights) == ['roi_heads.box_predictor.unheard_of']


@pytest.mark.parametrize(
    ('groups', 'std', 'style'), [(1, (1.0, 1.0, 1.0), 'caffe'), (32, (57.375, 57.12, 58.395), 'pytorch')]
)
def test_resnext_has_other_images_and_strides_than_resnet(groups, std, style):
    checkpoint = {'model': {'backbone.bottom_up.res2.0.conv2.weight': torch.zeros(256, 256 // groups, 3, 3)}}
    assert source_input(checkpoint) == ImageInput((103.53, 116.28, 123.675), std, is_rgb=False)
    assert expected_style(checkpoint) == style


def test_a_checkpoint_that_says_how_its_images_were_is_believed():
    weights = {'pixel_mean': torch.tensor([1.0, 2, 3]).view(3, 1, 1), 'pixel_std': torch.tensor([4.0, 5, 6])}
    found = source_input({'model': weights})
    assert (found.mean, found.std) == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))


def test_something_else_than_a_weight_is_named():
    with pytest.raises(ValueError, match=r'roi_heads\.x is a list; expected a tensor'):
        from_detectron2({'model': {'roi_heads.x': [1]}})


def test_two_names_for_one_weight_are_refused():
    names = ('roi_heads.box_predictor.cls_score.weight', 'roi_head.bbox_head.fc_cls.weight')
    with pytest.raises(ValueError, match=r'would both become roi_head\.bbox_head\.fc_cls\.weight'):
        from_detectron2({'model': {name: torch.zeros(1) for name in names}})


def test_anchors_come_in_the_order_of_detectron2():
    """Detectron2: per size, per ratio h / w of 0.5, 1, 2, a box of that area around (0, 0)."""
    expected = []
    for ratio in (0.5, 1.0, 2.0):
        width = math.sqrt(32.0**2 / ratio)
        height = ratio * width
        expected.append([-width / 2, -height / 2, width / 2, height / 2])
    generator = AnchorGenerator(scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4])
    torch.testing.assert_close(generator.base_anchors[0], torch.tensor(expected))
    # a cell further right is x + stride, and cells run along x first on both sides
    grid = generator.grid_priors([(2, 2)], device='cpu')[0].view(4, 3, 4)
    torch.testing.assert_close(grid[1] - grid[0], torch.tensor([4.0, 0, 4, 0]).expand(3, 4))


def test_box_deltas_mean_what_they_mean_in_detectron2():
    """Detectron2 divides deltas by the weights 10, 10, 5, 5; mmdet multiplies by the stds of the config."""
    from mmdet.registry import TASK_UTILS

    coder = TASK_UTILS.build({**mask_rcnn().roi_head.bbox_head.bbox_coder, 'clip_border': False})
    box = torch.tensor([[10.0, 20.0, 50.0, 100.0]])
    dx, dy, dw, dh = 1.0, -2.0, 0.5, 1.5
    x, y, w, h = 30 + dx / 10 * 40, 60 + dy / 10 * 80, 40 * math.exp(dw / 5), 80 * math.exp(dh / 5)
    expected = torch.tensor([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])
    torch.testing.assert_close(coder.decode(box, torch.tensor([[dx, dy, dw, dh]])), expected)
