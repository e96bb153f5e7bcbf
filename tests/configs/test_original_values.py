"""Values that were read in the original configs, in the resolved configs that replace them, and in what they build."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS

from longtail_det.statistics import ClassStatistics

from .lvis_files import use_small_data
from .zoo import ALL, CONFIGS, METAFILES, MODEL_OF, PATH_OF, innermost, load

OPEN_IMAGES = [path for path in ALL if path.stem.endswith('openimages')]
SWIN = [path for path in ALL if 'swin' in path.stem]
RIO = [path for path in ALL if path.parent.name == 'rio']
DETECTRON2 = [
    PATH_OF[name]
    for name, model in MODEL_OF.items()
    for original in model.get('Original', ())
    if 'detectron2' in original.get('Differences', ())
]
HALF = {
    'mask-rcnn_x101-64x4d_fpn_ce_random-ms-1x_lvis-v1': {},
    'mask-rcnn_x101-64x4d_fpn_sigmoid_random-ms-1x_lvis-v1': {},
    **{path.stem: dict(loss_scale=dict(init_scale=512)) for path in SWIN},
}


def of(paths):
    return pytest.mark.parametrize('path', paths, ids=lambda path: path.stem)


def initialized(head_cfg, **changes):
    """A head of a config with the values it starts training with."""
    torch.manual_seed(0)
    head = MODELS.build({**copy.deepcopy(head_cfg), **changes})
    head.init_weights()
    return head


def published(name, source):
    """The published numbers of a source, without its name."""
    rows = [dict(row) for row in MODEL_OF[name].get('Published', ()) if row['Source'].startswith(source)]
    for row in rows:
        del row['Source']
    return rows


@of(OPEN_IMAGES)
def test_open_images_trains_180k_steps_at_one_scale(path):
    cfg = load(path)
    assert cfg.train_cfg.max_iters == 180_000
    warm_up, steps = cfg.param_scheduler
    assert (warm_up.type, warm_up.begin, warm_up.end) == ('LinearLR', 0, 500)
    assert (steps.milestones, steps.gamma, steps.by_epoch) == ([120_000, 160_000], 0.1, False)
    resize, flip = innermost(cfg.train_dataloader.dataset).pipeline[2:4]
    assert (resize.type, resize.scale, resize.keep_ratio) == ('Resize', (1333, 800), True)
    assert (flip.type, flip.prob) == ('RandomFlip', 0.5)
    assert cfg.train_dataloader.batch_size == 2
    assert cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.optim_wrapper.optimizer.lr == 0.02
    assert cfg.model.backbone.init_cfg.checkpoint == f'torchvision://resnet{cfg.model.backbone.depth}'


@pytest.mark.parametrize(
    ('backbone', 'depth', 'published_ap50'),
    [('r50', 50, dict(ce=43.1, eql=45.3, eqlv2=52.6)), ('r101', 101, dict(ce=46.0, eql=48.0, eqlv2=55.1))],
)
def test_open_images_has_its_published_numbers(backbone, depth, published_ap50):
    for method, ap50 in published_ap50.items():
        name = f'faster-rcnn_{backbone}_fpn_{method}_random-ss-180k_openimages'
        assert load(PATH_OF[name]).model.backbone.depth == depth
        assert published(name, 'arXiv:2012.08548, challenge protocol') == [{'box AP50': ap50}]


@pytest.mark.parametrize('backbone', ['r50', 'r101'])
def test_eql_on_open_images_counts_instances_and_starts_low(backbone):
    cfg = load(PATH_OF[f'faster-rcnn_{backbone}_fpn_eql_random-ss-180k_openimages'])
    head = initialized(cfg.model.roi_head.bbox_head)
    assert head.fc_cls.bias.unique().tolist() == [pytest.approx(-6.907, abs=1e-3)]
    counts = [1651] * 250 + [1652] * 250
    head.loss_cls.set_class_statistics(ClassStatistics([1] * 500, counts, num_images=1_743_042))
    assert head.loss_cls.is_tail.tolist() == [True] * 250 + [False] * 250


def test_eql_of_eqlv2_starts_at_a_score_of_1e_3():
    name = 'mask-rcnn_r50_fpn_eql-prior_random-ms-1x_lvis-v1'
    head_cfg = load(PATH_OF[name]).model.roi_head.bbox_head
    head = initialized(head_cfg)
    assert head.fc_cls.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert head.fc_cls.bias.unique().tolist() == [pytest.approx(-6.907, abs=1e-3)]
    assert (head_cfg.loss_cls.type, head_cfg.loss_cls.lambda_) == ('EQL', 1.1e-3)
    numbers = {'mask AP': 18.6, 'mask APr': 2.1, 'mask APc': 17.4, 'mask APf': 27.2}
    assert published(name, 'arXiv:2012.08548') == [numbers]
    assert 'Published' not in MODEL_OF['mask-rcnn_r50_fpn_eql_random-ms-1x_lvis-v1']


NORMED_CLS = [path for path in ALL if 'normed-cls' in path.stem and path.parent.name == 'gol']


@of(NORMED_CLS)
def test_the_normed_classifier_has_temperature_5_and_starts_at_bias_0(path):
    head = initialized(load(path).model.roi_head.bbox_head, in_channels=4, fc_out_channels=16)
    features = torch.randn(6, 4, 7, 7)
    x_cls, _ = head.branch_features(features)
    cosine = torch.nn.functional.cosine_similarity(x_cls[:, None], head.fc_cls.weight[None], dim=-1)
    torch.testing.assert_close(head(features)[0], 5 * cosine, rtol=1e-3, atol=1e-3)
    assert len(NORMED_CLS) == 6


@of(SWIN)
def test_swin_flips_then_resizes_or_crops(path):
    pipeline = innermost(load(path).train_dataloader.dataset).pipeline
    flip, choice = pipeline[2:4]
    assert (flip.type, flip.prob) == ('RandomFlip', 0.5)
    assert choice.type == 'RandomChoice'
    assert choice.get('prob') is None, 'both policies are as likely'
    (alone,), (small, crop, after) = choice.transforms
    eleven = [(1333, side) for side in (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)]
    assert alone == after == dict(type='RandomChoiceResize', scales=eleven, keep_ratio=True)
    assert small == dict(type='RandomChoiceResize', scales=[(1333, 400), (1333, 500), (1333, 600)], keep_ratio=True)
    absolute = dict(crop_type='absolute_range', crop_size=(384, 600), allow_negative_crop=True)
    assert crop == dict(type='RandomCrop', **absolute)
    assert len(SWIN) == 6


def test_both_policies_of_swin_keep_boxes_and_masks_together(tmp_path):
    np.random.seed(0)
    cfg = load(SWIN[0])
    use_small_data(cfg, tmp_path)
    dataset_cfg = innermost(cfg.train_dataloader.dataset)
    load_image, load_boxes, flip, choice, pack = dataset_cfg.pipeline
    seen = []
    for policy in choice.transforms:
        dataset = DATASETS.build({**dataset_cfg, 'pipeline': [load_image, load_boxes, flip, *policy, pack]})
        for index in range(len(dataset)):
            sample = dataset[index]['data_samples']
            objects, (height, width) = sample.gt_instances, sample.img_shape
            assert objects.masks.masks.shape[1:] == (height, width)
            assert len(objects.masks) == len(objects.bboxes) == len(objects.labels)
            for mask, (x1, y1, x2, y2) in zip(objects.masks.masks, objects.bboxes.tensor.tolist(), strict=True):
                if not mask.any():  # a crop left a sliver that no pixel center lies in
                    assert min(x2 - x1, y2 - y1) < 3
                    continue
                rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
                found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
                assert found == pytest.approx([x1, y1, x2, y2], abs=3.0)
            seen.append((len(objects), round(height / width, 2)))
    half = len(seen) // 2
    assert {ratio for _, ratio in seen[:half]} == {0.75}, 'resized alone: the whole image'
    assert all(count == 3 for count, _ in seen[:half])
    assert {ratio for _, ratio in seen[half:]} != {0.75}, 'cropped'


@pytest.mark.parametrize('name', HALF)
def test_what_was_trained_in_float16_is(name):
    wrapper = load(PATH_OF[name]).optim_wrapper
    assert {key: wrapper[key] for key in wrapper if key not in ('optimizer', 'paramwise_cfg')} == {
        'type': 'AmpOptimWrapper',
        **HALF[name],
    }
    assert load(PATH_OF[name]).param_scheduler[0].end == 1000


def test_nothing_else_is_trained_in_float16():
    half = {path for path in ALL if load(path).optim_wrapper.type != 'OptimWrapper'}
    assert {path.stem for path in half if path.parent.name != 'calibration'} == set(HALF)
    gumbel = load(PATH_OF['mask-rcnn_x101-64x4d_fpn_gumbel_random-ms-1x_lvis-v1'])
    assert gumbel.param_scheduler[0].end == 500


@of(RIO)
def test_rio_starts_as_a_normalized_linear_layer(path):
    head = initialized(load(path).model.roi_head.bbox_head, in_channels=2)
    weight, scale = head.fc_cls.weight, head.fc_cls.scale
    assert weight.shape[1] == 1024
    torch.testing.assert_close(scale, weight.norm(dim=1))
    assert scale.mean().item() == pytest.approx(0.577, abs=2e-3)
    x = torch.randn(5, 1024)
    torch.testing.assert_close(head.fc_cls(x), 48 * (x / x.norm(dim=1, keepdim=True)) @ weight.T, rtol=1e-4, atol=1e-4)
    assert len(RIO) == 6


@of(DETECTRON2)
def test_detectron2_has_no_low_quality_matches(path):
    cfg = load(path)
    assert cfg.model.train_cfg.rcnn.assigner.match_low_quality is False
    assert cfg.model.train_cfg.rpn.assigner.match_low_quality is True
    assert len(DETECTRON2) == 24


@of(DETECTRON2)
def test_detectron2s_heads_start_as_there(path):
    """As c2_xavier_fill the shared layers, N(0, 0.001) the mask logits; N(0, 0.01) and N(0, 0.001) the box layers."""
    cfg = load(path).model.roi_head
    box = initialized(cfg.bbox_head, in_channels=16)
    for layer in box.shared_fcs:
        bound = (3 / layer.in_features) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
        assert not layer.bias.any()
    if cfg.bbox_head.get('cls_predictor_cfg') is None:
        assert box.fc_cls.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert box.fc_reg.weight.std().item() == pytest.approx(0.001, rel=0.01)
    assert not box.fc_reg.bias.any()
    mask = initialized(cfg.mask_head)
    assert mask.conv_logits.weight.std().item() == pytest.approx(0.001, rel=0.02)
    assert not mask.conv_logits.bias.any()
    assert mask.upsample.weight.std().item() > 0.01, 'all other layers of the mask head are the same in both'


@pytest.mark.parametrize('suffix', ['', '-nms0.3'])
def test_gols_sigmoid_droploss_starts_at_1e_2(suffix):
    head_cfg = load(PATH_OF[f'mask-rcnn_r50_fpn_droploss{suffix}_random-ms-1x_lvis-v1']).model.roi_head.bbox_head
    head = initialized(head_cfg, in_channels=2)
    assert head.fc_cls.weight.unique().tolist() == [pytest.approx(0.01)]
    assert head.fc_cls.bias.unique().tolist() == [pytest.approx(-6.9)]


def test_droploss_and_eql_keep_their_threshold_on_v1():
    for family in ('droploss', 'eql'):
        for model in METAFILES[family]['Models']:
            assert load(PATH_OF[model['Name']]).model.roi_head.bbox_head.loss_cls.lambda_ == 1.77e-3
        assert '1.77e-3' in (CONFIGS / family / 'README.md').read_text()
    assert '876 classes' in (CONFIGS / 'droploss/README.md').read_text()


def differences(name):
    return {row['Name']: row.get('Differences', []) for row in MODEL_OF[name].get('Original', ())}


def test_the_differences_are_those_of_the_originals():
    known = {difference for name in MODEL_OF for row in differences(name).values() for difference in row}
    assert not known & {'bias', 'prior', 'share', 'default-lambda', 'normed-cls'}, 'known now, and no difference'
    for name in MODEL_OF:
        for original, listed in differences(name).items():
            assert ('by-name' in listed) == (original.startswith('EQL: EQL_v1/') and original.endswith('_nosj'))
            assert not (original.startswith('GOL: gol/') and 'gumbel' in listed), 'the cap is GumbelCE alone'
    text = (CONFIGS / 'README.md').read_text()
    assert '| cra | ' in text
    assert 'reduced loss is above 25' in text
    for missing in ('decouple/bags_r50_8x2_1x', 'decouple/crt_r50_8x2_1x', 'decouple/lws_r50_8x2_1x', 'GOL: lvis/'):
        assert missing in text


def test_the_softmax_baseline_of_eqlv2_has_its_number():
    numbers = {'mask AP': 16.1, 'mask APr': 0.0, 'mask APc': 12.0, 'mask APf': 27.4}
    assert published('mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1', 'arXiv:2012.08548') == [numbers]
