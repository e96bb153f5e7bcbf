"""LongTailBBoxHead is mmdet's head plus the bias of its classifier."""

from __future__ import annotations

import pytest
import torch
from mmdet.models.layers import NormedLinear
from mmdet.registry import MODELS

from longtail_det.models.bbox_heads import ClassDeltas

from ..mmdet_names import TEMPERATURE

SMALL = dict(in_channels=4, roi_feat_size=3, fc_out_channels=8, num_classes=6)
LOSS = dict(type='SeesawLoss', num_classes=6)


def build(type_, **kwargs):
    torch.manual_seed(0)
    head = MODELS.build({'type': type_, **SMALL, **kwargs})
    head.init_weights()
    return head


@pytest.mark.parametrize(
    ('ours', 'theirs', 'arguments'),
    [
        ('LongTailBBoxHead', 'Shared2FCBBoxHead', {}),
        ('LongTailBBoxHead', 'Shared2FCBBoxHead', dict(loss_cls=LOSS, reg_class_agnostic=True)),
        ('LongTailBBoxHead', 'Shared2FCBBoxHead', dict(cls_predictor_cfg=dict(type='NormedLinear'))),
        ('LongTailBBoxHead', 'Shared2FCBBoxHead', dict(with_avg_pool=True)),
        ('LongTailBBoxHead', 'Shared2FCBBoxHead', dict(with_reg=False)),
        ('LongTail4Conv1FCBBoxHead', 'Shared4Conv1FCBBoxHead', dict(conv_out_channels=8)),
        ('LongTailBBoxHead', 'ConvFCBBoxHead', dict(num_shared_fcs=1, num_cls_fcs=1, num_reg_fcs=1)),
        ('LongTailBBoxHead', 'ConvFCBBoxHead', dict(num_shared_fcs=0, num_cls_convs=1, num_reg_convs=1)),
    ],
)
def test_without_a_bias_it_is_mmdets_head(ours, theirs, arguments):
    mine, reference = build(ours, **arguments), build(theirs, **arguments)
    torch.testing.assert_close(dict(mine.state_dict()), dict(reference.state_dict()), rtol=0, atol=0)
    x = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    for one, other in zip(mine(x), reference(x), strict=True):
        assert (one is None) == (other is None)
        one = one.dense() if isinstance(one, ClassDeltas) else one
        assert one is None or torch.equal(one, other)


@pytest.mark.parametrize('on_demand', [False, True])
def test_no_roi_goes_through(on_demand):
    cls_score, bbox_pred = build('LongTailBBoxHead', reg_on_demand=on_demand)(torch.zeros(0, 4, 3, 3))
    assert cls_score.shape == (0, 7)
    assert (bbox_pred.dense() if on_demand else bbox_pred).shape == (0, 24)


@pytest.mark.parametrize('predictor', [dict(type='Linear'), dict(type='NormedLinear')])
def test_a_bias_changes_the_bias_alone(predictor):
    plain = build('LongTailBBoxHead', cls_predictor_cfg=predictor).state_dict()
    biased = build('LongTailBBoxHead', cls_predictor_cfg=predictor, cls_bias=-2.0).state_dict()
    changed = [key for key in plain if not torch.equal(plain[key], biased[key])]
    assert changed == ['fc_cls.bias']
    assert biased['fc_cls.bias'].unique().tolist() == [-2.0]


class ForkedNormedLinear(NormedLinear):
    """The layer as mmdet's maintained fork has it: the argument is spelled right."""

    def __init__(self, *args, temperature=20, **kwargs):
        super().__init__(*args, **kwargs)
        setattr(self, TEMPERATURE, temperature)


@pytest.mark.parametrize('layer', [NormedLinear, ForkedNormedLinear])
def test_the_temperature_of_a_normed_classifier_has_one_name_in_every_mmdet(layer, monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'NormedLinear', layer)
    head = build('LongTailBBoxHead', cls_predictor_cfg=dict(type='NormedLinear', temperature=5))
    plain = build('LongTailBBoxHead', cls_predictor_cfg=dict(type='NormedLinear'))
    assert type(head.fc_cls) is layer
    x = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(4 * head(x)[0], plain(x)[0])
    if layer is NormedLinear:
        installed = build('LongTailBBoxHead', cls_predictor_cfg={'type': 'NormedLinear', TEMPERATURE: 5})
        assert torch.equal(installed(x)[0], head(x)[0])


def test_paper_init_is_what_gols_init_cfg_does():
    head = build('LongTailBBoxHead', cls_bias=-2.0, paper_init=True).state_dict()
    init_cfg = dict(type='Constant', val=0.001, bias=-2.0, override=dict(name='fc_cls'))
    reference = build('Shared2FCBBoxHead', init_cfg=init_cfg).state_dict()
    torch.testing.assert_close(dict(head), dict(reference), rtol=0, atol=0)
    assert head['fc_cls.weight'].unique().tolist() == [pytest.approx(0.001)]


PCB = dict(type='PCB', num_classes=6, base=dict(type='CrossEntropyLoss'), alpha=0.4)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(cls_bias=-2.0, prior_prob=0.01), 'both cls_bias=-2.0 and prior_prob=0.01'),
        (dict(prior_prob=0.01), 'CrossEntropyLoss has no prior bias; give cls_bias'),
        (dict(prior_prob=0.01, loss_cls=PCB), 'PCB has no prior bias; give cls_bias'),
        (dict(paper_init=True), r'needs cls_bias \(found None\)'),
        (dict(paper_init=True, cls_bias=-2.0, init_cfg=dict(type='Normal')), r'no init_cfg \(found'),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build('LongTailBBoxHead', **arguments)


def test_a_classifier_without_bias_is_named():
    head = build('LongTailBBoxHead', cls_predictor_cfg=dict(type='Linear', bias=False), cls_bias=None)
    head.cls_bias = -2.0
    with pytest.raises(ValueError, match='Linear has no bias'):
        head.init_weights()


def test_a_prior_is_where_every_score_starts():
    counts = dict(image_count=[1] * 6, instance_count=[1] * 6, num_images=10)
    loss = dict(type='EQL', num_classes=6, lambda_=0.1, activation='gumbel', class_statistics=counts)
    head = build('LongTailBBoxHead', loss_cls=loss, prior_prob=0.02)
    torch.nn.init.zeros_(head.fc_cls.weight)
    cls_score, _ = head(torch.randn(3, 4, 3, 3))
    torch.testing.assert_close(head.loss_cls.get_activation(cls_score)[:, :6], torch.full((3, 6), 0.02))


def test_the_prior_of_a_loss_around_another_is_the_others():
    base = dict(type='EQLv2', num_classes=6)
    around = build('LongTailBBoxHead', loss_cls={**PCB, 'base': base}, prior_prob=0.02)
    assert around.cls_bias == build('LongTailBBoxHead', loss_cls=base, prior_prob=0.02).cls_bias
