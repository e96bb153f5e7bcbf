from __future__ import annotations

import torch
from torch import nn

from longtail_det.compat.upgrade import Renamed, compare, describe_classes, dropped_lines, report_lines

from .models import build, mask_rcnn


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_every_name_is_in_exactly_one_group():
    model = small()
    weights = {**model.state_dict(), 'left.over': torch.zeros(1)}
    del weights['0.bias'], weights['1.running_mean'], weights['1.num_batches_tracked']
    weights['0.weight'] = torch.zeros(5, 2)
    found = compare(weights, model)
    assert found.missing == ('0.bias', '1.running_mean')
    assert found.unused == ('left.over',)
    assert found.wrong_shape == {'0.weight': ((5, 2), (3, 2))}
    assert found.fresh == ('1.num_batches_tracked',)
    assert set(found.state) == {'1.weight', '1.bias', '1.running_var', '1.num_batches_tracked'}
    assert not found.is_complete


def test_all_there_is_complete_and_takes_the_dtypes_of_the_model():
    model = small()
    weights = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    found = compare(weights, model)
    assert found.is_complete
    assert [value.dtype for value in found.state.values()] == [v.dtype for v in model.state_dict().values()]
    small().load_state_dict(found.state, strict=True)


def test_a_part_of_a_large_tensor_is_not_saved_with_all_of_it():
    large = torch.zeros(1000, 3, 2)
    found = compare({**small().state_dict(), '0.weight': large[0]}, small())
    assert found.state['0.weight'].untyped_storage().nbytes() == 3 * 2 * 4


def test_another_number_of_classes_is_said_in_words():
    five = build(mask_rcnn(num_classes=5)).state_dict()
    four = build(mask_rcnn(num_classes=4))
    line = 'the checkpoint has 5 classes, the config 4; set num_classes=5 in the config'
    assert describe_classes(five, four) == line
    # also where boxes or masks are not of a class
    for head in ('conv_logits', 'fc_reg'):
        agnostic = {name: value for name, value in five.items() if head not in name}
        assert describe_classes(agnostic, four) == line
    assert describe_classes(four.state_dict(), four) is None


def test_another_kind_of_loss_is_said_in_words():
    eql = {'_delete_': True, 'type': 'EQL', 'lambda_': 1e-3, 'num_classes': 4}
    found = describe_classes(build(mask_rcnn()).state_dict(), build(mask_rcnn(loss_cls=eql)))
    assert found.startswith('the classifier has 5 columns in the checkpoint and 4 in the config, both of 4 classes')


def test_the_report_names_everything_once():
    model = small()
    weights = {**model.state_dict(), 'new.name': torch.zeros(1)}
    del weights['0.bias'], weights['1.num_batches_tracked']
    weights['0.weight'] = torch.zeros(5, 2)
    renamed = Renamed(weights, {**{name: name for name in weights}, 'new.name': 'old.name'})
    assert list(report_lines(compare(weights, model), renamed, None)) == [
        'fits: 4 weights',
        'new: 1 counters of batch norm, on which no result depends',
        'missing in the checkpoint: 1',
        '    0.bias',
        'unused by the config: 1',
        '    old.name (new.name)',
        'of another shape: 1',
        '    0.weight: (5, 2) in the checkpoint, (3, 2) in the config',
    ]


def test_a_long_report_is_cut_and_says_so():
    weights = {f'w{n}': torch.zeros(1) for n in range(5)}
    lines = list(report_lines(compare(weights, nn.Module()), Renamed(weights, {n: n for n in weights}), 2))
    assert lines[1:] == ['unused by the config: 5', '    w0', '    w1', '    ... and 3 more; --verbose shows all']


def test_what_was_dropped_is_one_line_per_reason():
    lines = list(dropped_lines(Renamed({}, {}, {'a': 'not needed', 'b': 'not needed', 'c': 'stale'})))
    assert lines == ['left out: a and 1 like it: not needed', 'left out: c: stale']
