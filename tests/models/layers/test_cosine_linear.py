"""CosineLinear sees directions only."""

from __future__ import annotations

import pytest
import torch
from mmdet.registry import MODELS

from longtail_det.models.layers import CosineLinear


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = CosineLinear(4, 3, temperature=48.0).double()
    layer.scale.data.uniform_(-2, 2)
    return layer


@pytest.fixture
def x():
    return torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_it_is_the_formula_of_the_paper(layer, x):
    expected = torch.empty(5, 3, dtype=torch.float64)
    for i in range(5):
        for c in range(3):
            v = layer.weight[c]
            expected[i, c] = 48 * ((layer.scale[c] * v / v.norm()) @ (x[i] / x[i].norm()))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize('length', [1e-15, 0.3, 1e15])
def test_lengths_do_not_matter(layer, x, length):
    before = layer(x)
    torch.testing.assert_close(layer(length * x), before)
    layer.weight.data[1] *= length
    torch.testing.assert_close(layer(x), before)


def test_a_logit_is_bounded_by_temperature_times_scale(layer, x):
    bound = 48 * layer.scale.abs()
    assert (layer(x).abs() <= bound * (1 + 1e-12)).all()
    torch.testing.assert_close(layer(layer.weight).diagonal(), 48 * layer.scale)  # reached along the class vector


def test_gradients(layer, x):
    def run(x, weight, scale):
        return torch.func.functional_call(layer, dict(weight=weight, scale=scale), x)

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), layer.weight, layer.scale))


def test_zero_vectors_have_no_direction(layer, x):
    x[0] = 0
    layer.weight.data[2] = 0
    out = layer(x.requires_grad_())
    assert torch.equal(out[0], torch.zeros_like(out[0]))
    assert torch.equal(out[:, 2], torch.zeros_like(out[:, 2]))
    out.sum().backward()
    for gradient in (x.grad, layer.weight.grad, layer.scale.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().max() < 1e6


def test_no_roi_goes_through(layer, x):
    assert layer(x[:0]).shape == (0, 3)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_features_are_measured_in_float32(layer, x, dtype):
    long = (2e4 * x / x.abs().max()).to(dtype)  # its square overflows in float16
    expected = layer(long.double())
    layer.float()
    assert layer(long).dtype == torch.float32
    torch.testing.assert_close(layer(long).double(), expected, rtol=1e-4, atol=1e-4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(layer(long).double(), expected, rtol=0.02, atol=0.5)


def test_its_state_is_a_direction_and_a_scale_per_class():
    layer = CosineLinear(64, 50)
    assert {key: tuple(value.shape) for key, value in layer.state_dict().items()} == {
        'weight': (50, 64),
        'scale': (50,),
    }


@pytest.mark.parametrize('size', [64, 1024])
def test_it_starts_as_the_weight_normalization_of_a_linear_layer(size):
    """torch's `weight_norm` of `nn.Linear`: the scale is the length of the class vector, 0.577 on average."""
    torch.manual_seed(3)
    layer = CosineLinear(size, 500, temperature=48.0)
    torch.manual_seed(3)
    linear = torch.nn.Linear(size, 500, bias=False)
    assert torch.equal(layer.weight, linear.weight)
    torch.testing.assert_close(layer.scale, linear.weight.norm(dim=1))
    assert layer.scale.mean().item() == pytest.approx(3**-0.5, rel=0.01)
    x = torch.randn(5, size)
    torch.testing.assert_close(layer(x), 48 * linear(x / x.norm(dim=1, keepdim=True)))


@pytest.mark.parametrize('head', ['Shared2FCBBoxHead', 'LongTailBBoxHead', 'Shared4Conv1FCBBoxHead'])
@pytest.mark.parametrize('loss', [dict(type='CrossEntropyLoss'), dict(type='SeesawLoss', num_classes=6)])
def test_it_is_a_predictor_of_mmdets_heads(head, loss):
    sizes = dict(in_channels=4, roi_feat_size=3, fc_out_channels=8, num_classes=6)
    predictor = dict(type='CosineLinear', temperature=10.0)
    head = MODELS.build(dict(type=head, **sizes, cls_predictor_cfg=predictor, loss_cls=loss))
    head.init_weights()
    cls_score, _ = head(torch.randn(5, 4, 3, 3))
    assert cls_score.shape == (5, 8 if loss['type'] == 'SeesawLoss' else 7)
    torch.testing.assert_close(head.fc_cls.scale, head.fc_cls.weight.norm(dim=1))
    assert (cls_score.abs() <= 10 * head.fc_cls.scale * 1.001).all()


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r'temperature=0\.0; expected a finite number, above 0'):
        CosineLinear(4, 3, temperature=0.0)
    predictor = dict(type='CosineLinear')
    head = MODELS.build(dict(type='LongTailBBoxHead', num_classes=6, cls_predictor_cfg=predictor, cls_bias=-2.0))
    with pytest.raises(ValueError, match='CosineLinear has no bias; remove cls_bias'):
        head.init_weights()
