"""A checkpoint that is not whole, or of another model, is told from one that is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from longtail_det.cli.errors import UserError
from longtail_det.cli.model_checks import check_weights, compare_weights

LOGITS = 'roi_head.bbox_head.fc_cls.weight'


@pytest.fixture
def model():
    """A backbone with a norm, a head with a bank, as modules of a detector are named."""
    detector = nn.Module()
    detector.backbone = nn.Module()
    detector.backbone.layer1 = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    detector.roi_head = nn.Module()
    detector.roi_head.bbox_head = nn.Module()
    detector.roi_head.bbox_head.fc_cls = nn.Linear(2, 3)
    detector.roi_head.bbox_head.register_buffer('bank', torch.zeros(1, 4))
    return detector


@pytest.fixture
def saved(model):
    return dict(model.state_dict())


def test_its_own_checkpoint_is_whole(model, saved):
    fit = check_weights(model, {'state_dict': saved, 'meta': {}}, exact=True)
    assert fit.is_whole
    assert str(fit) == '8 of 8 weights fit'
    assert check_weights(model, {f'module.{name}': value for name, value in saved.items()}, exact=True) == fit


def test_what_training_fills_may_be_absent_or_of_another_size(model, saved):
    """A bank takes its size from the checkpoint; running means were measured and have to be there."""
    saved['roi_head.bbox_head.bank'] = torch.zeros(60, 4)
    saved['roi_head.bbox_head.calibration.table'] = torch.zeros(3)
    del saved['backbone.layer1.1.num_batches_tracked']
    assert check_weights(model, saved, exact=True).is_whole
    del saved['roi_head.bbox_head.bank']
    assert check_weights(model, saved, exact=True).is_whole
    del saved['backbone.layer1.1.running_var']
    with pytest.raises(UserError, match=r'7 of 8 weights fit, 1 missing \(backbone\.layer1\.1\.running_var\)'):
        check_weights(model, saved, exact=True)


def cut_in_half(saved):
    for name in list(saved)[:4]:
        del saved[name]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (cut_in_half, r'4 of 8 weights fit, 4 missing \(backbone\.\S+, backbone\.\S+, \.\.\.\)'),
        (
            lambda saved: saved.update({LOGITS: torch.zeros(5, 2)}),
            r'1 of another shape \(roi_head\.bbox_head\.fc_cls\.weight: \(5, 2\), in the model \(3, 2\)\)',
        ),
        # a deeper backbone holds all the names of this one
        (
            lambda saved: saved.update({'backbone.layer1.2.weight': torch.zeros(4, 4, 1, 1)}),
            r'1 unexpected \(backbone\.layer1\.2\.weight\)',
        ),
        (lambda saved: saved.update({'backbone.layer1.0.bias': 'text'}), r': None, in the model \(4,\)'),
    ],
)
def test_where_it_has_to_be_exact_one_weight_is_enough(change, message, model, saved):
    change(saved)
    with pytest.raises(UserError, match=message) as caught:
        check_weights(model, saved, exact=True, hint='; --allow-partial')
    assert str(caught.value).endswith('; --allow-partial')
    assert not check_weights(model, saved, exact=False).is_whole


def test_a_head_that_the_config_leaves_out_is_no_mistake(model, saved):
    saved['roi_head.mask_head.conv.weight'] = torch.zeros(1)
    fit = check_weights(model, saved, exact=True)
    assert fit.left_out == ('roi_head.mask_head',)


def test_fine_tuning_needs_one_weight_that_fits(model, saved):
    wrong = {name: torch.zeros(9, 9) for name in saved}
    for content in (wrong, {'other.weight': torch.zeros(1)}, {}):
        with pytest.raises(UserError, match='the checkpoint is not of this model: 0 of 8 weights fit'):
            check_weights(model, content, exact=False)
    one = 'roi_head.bbox_head.fc_cls.bias'
    assert check_weights(model, wrong | {one: saved[one]}, exact=False).fitting == (one,)


@pytest.mark.parametrize('content', [[1], torch.zeros(1), {'state_dict': 7}])
def test_what_holds_no_weights_is_one_line(content, model):
    with pytest.raises(UserError, match='expected the weights of a model by name'):
        compare_weights(model, content)
