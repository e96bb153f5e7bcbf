"""Laws that hold for every loss, run over the whole catalog."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch

from longtail_det.losses import ROI_LOSSES

from ..torch_versions import CPU_HALF, compiles_in_one_graph
from .catalog import LOSSES, NUM_CLASSES, PAPER, build

ALL = pytest.mark.parametrize('name', list(LOSSES))
# GAP's gradient is not the derivative of its value, and its value is no sum over RoIs: laws in its own file
SUMS = pytest.mark.parametrize('name', [name for name in LOSSES if not name.startswith('gap')])


def batch(loss, roi_batch, num_rois=9, **kwargs):
    return roi_batch(num_rois, NUM_CLASSES, extra_channels=loss.extra_channels, **kwargs)


def columns_of(loss):
    """Column of each class, then of background; GroupSoftmax orders its columns by group."""
    if hasattr(loss, 'column_of_class'):
        return [*loss.column_of_class.tolist(), 0]
    return [*range(NUM_CLASSES), -1]


def frozen_draw(loss):
    """Some losses draw anew in each call; laws that compare two calls draw the same. Parts by name are summed."""
    torch.manual_seed(7)
    return lambda *args, **kwargs: total(loss(*args, **kwargs))


def total(loss):
    return sum(loss.values()) if isinstance(loss, dict) else loss


def test_the_catalog_holds_every_registered_loss():
    assert {type(build(name)) for name in LOSSES} == set(ROI_LOSSES)


@pytest.mark.parametrize('name', list(PAPER))
def test_equals_the_papers_loops(name, roi_batch):
    loss = build(name, reduction='none')
    logits, labels = batch(loss, roi_batch)
    expected = torch.tensor(PAPER[name](logits.detach(), labels), dtype=torch.float64)
    torch.testing.assert_close(loss(logits, labels).detach(), expected)


@SUMS
def test_the_analytic_gradient_is_the_numerical_one(name, roi_batch):
    # Seesaw's compensation is a constant to the gradient, so only without it is there a number to compare with
    changes = {'seesaw': dict(q=0.0), 'pcb-seesaw': {}}.get(name, dict(reduction='none'))
    loss = build(name, **changes).eval()
    logits, labels = batch(loss, roi_batch, scale=1.5)
    assert torch.autograd.gradcheck(lambda x: frozen_draw(loss)(x, labels), (logits,))


@SUMS
def test_it_is_differentiable_twice(name, roi_batch):
    """`create_graph=True` takes the definition."""
    # Seesaw's and EQLv2's weights are constants to the gradient: fixed by q = 0, and in eval mode
    loss = build(name, **(dict(q=0.0) if name == 'seesaw' else {})).eval()
    logits, labels = batch(loss, roi_batch, num_rois=4, scale=1.5)
    assert torch.autograd.gradgradcheck(lambda x: frozen_draw(loss)(x, labels), (logits,))


@compiles_in_one_graph
@ALL
def test_it_compiles_without_a_graph_break(name, roi_batch):
    """Backend 'aot_eager' traces the backward pass too and needs no C++ compiler."""
    torch._dynamo.reset()
    loss = build(name).eval()
    logits, labels = batch(loss, roi_batch, num_rois=4)
    expected = frozen_draw(loss)(logits, labels)  # once outside: then the statistics are known to be there
    compiled = torch.compile(loss, fullgraph=True, backend='aot_eager')
    got = frozen_draw(compiled)(logits, labels)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(torch.autograd.grad(got, logits), torch.autograd.grad(expected, logits))


@SUMS
def test_reductions_weights_and_factors_agree(name, roi_batch):
    loss = build(name, reduction='none').eval()
    logits, labels = batch(loss, roi_batch)
    labels = labels.clamp(max=NUM_CLASSES - 1)  # Seesaw gives foreground RoIs a value of their own
    each = frozen_draw(loss)(logits, labels)
    weight = torch.linspace(0, 2, 9)
    for expected, call in [
        (each.sum(), dict(reduction_override='sum')),
        (each.sum() / 9, dict(reduction_override='mean')),
        (each.sum() / 4, dict(reduction_override='mean', avg_factor=4.0)),
        ((each * weight).sum() / 4, dict(reduction_override='mean', avg_factor=4.0, weight=weight)),
    ]:
        torch.testing.assert_close(frozen_draw(loss)(logits, labels, **call), expected, rtol=1e-6, atol=1e-8)
    heavy = build(name, loss_weight=2.5).eval()
    torch.testing.assert_close(frozen_draw(heavy)(logits, labels), 2.5 * each.mean(), rtol=1e-6, atol=1e-8)


@ALL
def test_no_roi_and_background_only(name, roi_batch):
    loss = build(name)
    empty, _ = batch(loss, roi_batch, num_rois=0, dtype=torch.float32)
    value = frozen_draw(loss)(empty, torch.zeros(0, dtype=torch.long), torch.zeros(0), avg_factor=1.0)
    value.backward()
    assert value.item() == 0
    assert loss.get_activation(empty).shape == (0, NUM_CLASSES + 1)
    for accuracy in loss.get_accuracy(empty, torch.zeros(0, dtype=torch.long)).values():
        assert accuracy.item() == 0
    logits, labels = batch(loss, roi_batch, dtype=torch.float32)
    value = frozen_draw(loss)(logits, torch.full_like(labels, NUM_CLASSES))
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert value.item() > 0


@ALL
@pytest.mark.parametrize('dtype', [torch.float32, *CPU_HALF])
def test_huge_logits_stay_finite(name, dtype):
    loss = build(name)
    channels = NUM_CLASSES + loss.extra_channels
    logits = torch.full((4, channels), 1e4).to(dtype)
    logits[:2] *= -1
    logits.requires_grad_()
    value = frozen_draw(loss)(logits, torch.tensor([0, NUM_CLASSES, 5, NUM_CLASSES]))
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    assert gradient.dtype == dtype
    # half precision cannot hold what the unclamped Gumbel loss asks for
    assert gradient.isfinite().all() or (name == 'gumbel-free' and dtype == torch.float16)
    assert loss.get_activation(logits.detach()).isfinite().all()


@ALL
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_equals_float32_on_the_same_numbers(name, dtype, roi_batch):
    loss = build(name).eval()
    logits, labels = batch(loss, roi_batch, dtype=dtype)
    half = frozen_draw(loss)(logits, labels)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        autocast = frozen_draw(loss)(logits.float(), labels)
    assert torch.equal(half, frozen_draw(loss)(logits.float(), labels))
    assert torch.equal(half, autocast)


# what is drawn anew for each RoI; laws about it are in files of their own
@pytest.mark.parametrize('name', [name for name in LOSSES if not name.startswith(('droploss', 'group', 'acsl'))])
def test_rois_can_be_permuted(name, roi_batch):
    loss = build(name).eval()
    logits, labels = batch(loss, roi_batch)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(frozen_draw(loss)(logits[order], labels[order]), frozen_draw(loss)(logits, labels))


@ALL
def test_scores_are_probabilities_and_rise_with_their_logit(name, roi_batch):
    loss = build(name)
    logits, _ = batch(loss, roi_batch)
    scores = loss.get_activation(logits)
    assert scores.shape == (9, NUM_CLASSES + 1)
    assert ((scores >= 0) & (scores <= 1)).all()
    for c, column in enumerate(columns_of(loss)[:-1]):
        raised = logits.detach().clone()
        raised[:, column] += 0.5
        assert (loss.get_activation(raised)[:, c] > scores[:, c]).all()
    if loss.extra_channels == 0:
        assert not scores[:, -1].any(), 'no background logit, no background score'


@ALL
def test_accuracy_is_that_of_the_scores(name):
    loss = build(name)
    channels = NUM_CLASSES + loss.extra_channels
    logits = torch.full((4, channels), -3.0)
    columns = columns_of(loss)
    logits[0, columns[0]], logits[1, columns[5]] = 4.0, 4.0  # right, and wrong (label 2)
    if loss.extra_channels:
        logits[3, columns[-1]] = 4.0
    if 'seesaw' in name:
        logits[:3, -2] = 6.0  # foreground objectness
    if name == 'group':
        logits[:3, 1] = 4.0  # foreground
    labels = torch.tensor([0, 2, 5, NUM_CLASSES])
    logits[2, columns[5]] = 4.0
    expected = {'acc_objectness': 100.0, 'acc_classes': 200 / 3} if 'seesaw' in name else {'acc': 75.0}
    for key, value in loss.get_accuracy(logits, labels).items():
        assert value.item() == pytest.approx(expected[key])


@ALL
def test_state_moves_only_in_training_and_survives_a_round_trip(name, roi_batch):
    loss = build(name)
    logits, labels = batch(loss, roi_batch, dtype=torch.float32)
    before = copy.deepcopy(loss.state_dict())
    loss.eval()(logits, labels)
    torch.testing.assert_close(loss.state_dict(), before)
    loss.train()
    for _ in range(3):
        loss(logits, labels)
    fresh = build(name)
    assert fresh.load_state_dict(loss.state_dict()) == ([], [])
    torch.testing.assert_close(
        frozen_draw(fresh.eval())(logits, labels), frozen_draw(loss.eval())(logits, labels), rtol=0, atol=0
    )


@ALL
def test_every_argument_is_honored_or_refused(name):
    with pytest.raises(TypeError, match=r"no argument \['nonsense'\]; its arguments are \["):
        build(name, nonsense=1)
    loss = build(name)
    for argument in inspect.signature(type(loss).__init__).parameters:
        if argument not in ('self', 'use_sigmoid', 'class_statistics'):
            assert hasattr(loss, argument), f'{name} takes {argument} and forgets it'


@ALL
def test_a_config_can_name_it(name):
    Config = pytest.importorskip('mmengine.config').Config
    text = Config(dict(model=dict(loss_cls={'num_classes': NUM_CLASSES, **LOSSES[name]}))).pretty_text
    config = Config.fromstring(text, '.py')
    assert config.model.loss_cls.type == LOSSES[name]['type']
