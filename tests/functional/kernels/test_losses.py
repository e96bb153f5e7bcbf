"""Each kernel is its definition in value and gradient, and each definition compiles in one graph."""

from __future__ import annotations

import pytest
import torch

from longtail_det.functional import Gumbel, Sigmoid, kernels, losses

from ...torch_versions import compiles_in_one_graph

C = 5
TAIL = torch.tensor([True, False, True, False, True])
WEIGHTS = torch.linspace(0.2, 3, C), torch.linspace(1, 0.1, C)
GUMBEL = Gumbel((-4.0, 10.0))


def fed_columns(logits, labels, sampled):
    """The kernel takes the columns of the sampled classes, the definition all of them."""
    classes = sampled.nonzero().squeeze(1)
    return kernels.fed_columns_kernel(logits[:, classes], labels, classes, num_classes=C)


def zero_diagonal(margin):
    """A class has no margin to itself."""
    return margin - margin.diagonal().diag()


def fcbl_rows(logits, labels, margin):
    """The kernel takes one row of margins for each class of the batch, the definition one for each RoI."""
    return kernels.fcbl_kernel(logits, labels, labels, zero_diagonal(margin))


def fcbl_definition(logits, labels, margin):
    return losses.fcbl_loss(logits, labels, torch.cat([zero_diagonal(margin), torch.zeros(1, C)])[labels])


def pcb_rows(logits, labels, soft, share):
    """The kernel takes one row of soft targets for each class, the definition one for each RoI."""
    return kernels.pcb_softmax_kernel(logits, labels, labels, soft, share)


def pcb_definition(logits, labels, soft, share):
    return losses.pcb_softmax_loss(logits, labels, soft[labels.clamp(max=C - 1)], share)


def groups(function):
    """Of 2, 1 and 3 columns; the RoIs at even places do not count in the last."""

    def call(logits, labels):
        targets = torch.stack([labels % 2, labels * 0, labels % 3], dim=1)
        weight = torch.ones(len(labels), 3, dtype=torch.float64)
        weight[::2, 2] = 0
        weight[1:, 1] = 2.5
        return function(logits, targets, weight, (2, 1, 3))

    return call


#: (definition, kernel, columns beside the classes, tables, options)
CASES = {
    'acsl': (losses.acsl_loss, kernels.acsl_kernel, 1, (torch.rand(7, 4) < 0.5, torch.tensor([0, 1, 2, 0, 1, 3])), {}),
    'sigmoid': (losses.sigmoid_ce_loss, kernels.sigmoid_ce_kernel, 1, (), {}),
    'gumbel': (losses.gumbel_loss, kernels.gumbel_kernel, 1, (), {}),
    'gumbel-free': (losses.gumbel_loss, kernels.gumbel_kernel, 1, (), dict(logit_clamp=None)),
    'cra': (losses.class_relative_loss, kernels.class_relative_kernel, 1, (TAIL,), {}),
    'eql': (losses.eql_loss, kernels.eql_kernel, 0, (TAIL,), dict(activation=Sigmoid())),
    'eql-gumbel': (losses.eql_loss, kernels.eql_kernel, 0, (TAIL,), dict(activation=GUMBEL)),
    'drop': (losses.drop_loss, kernels.drop_kernel, 0, (torch.rand(7, C) < 0.4,), {}),
    'drop-gumbel': (losses.drop_loss, kernels.drop_kernel, 0, (torch.rand(7, C) < 0.4,), dict(activation=GUMBEL)),
    'eqlv2': (losses.eqlv2_loss, kernels.eqlv2_kernel, 1, WEIGHTS, {}),
    'ecm': (
        losses.ecm_loss,
        kernels.ecm_kernel,
        1,
        (torch.linspace(-1, 0.5, C + 1), torch.linspace(0.3, 1, C + 1)),
        {},
    ),
    'ebl': (losses.ebl_loss, kernels.ebl_kernel, 1, (torch.linspace(0.01, 1, C + 1),), {}),
    'group': (groups(losses.group_softmax_loss), groups(kernels.group_softmax_kernel), 1, (), {}),
    'logit-adjusted': (
        losses.logit_adjusted_loss,
        kernels.logit_adjusted_kernel,
        1,
        (torch.linspace(-5, 0, C + 1),),
        {},
    ),
    'pcb': (pcb_definition, pcb_rows, 1, (torch.rand(C, C).double().softmax(1), torch.tensor(0.4)), {}),
    'fcbl': (fcbl_definition, fcbl_rows, 1, (torch.randn(C, C),), {}),
    'fed': (losses.fed_loss, fed_columns, 0, (torch.tensor([True, False, True, True, True]),), {}),
    'seesaw': (losses.seesaw_loss, kernels.seesaw_kernel, -1, (torch.arange(C) * 50.0,), {}),
    'seesaw-no-p': (losses.seesaw_loss, kernels.seesaw_kernel, -1, (torch.arange(C) * 50.0,), dict(p=0.0)),
    'seesaw-no-q': (losses.seesaw_loss, kernels.seesaw_kernel, -1, (torch.arange(C) * 50.0,), dict(q=0.0)),
}
EACH = pytest.mark.parametrize('name', list(CASES))


def make_case(name, roi_batch, **kwargs):
    definition, kernel, extra, tables, options = CASES[name]
    logits, labels = roi_batch(7, C, extra_channels=max(extra, 0), **kwargs)
    labels = labels.clamp(max=C - 1) if extra < 0 else labels  # Seesaw's rows are foreground

    def call(function):
        return lambda x: function(x, labels, *tables, **options)

    return call(definition), call(kernel), logits


@EACH
@pytest.mark.parametrize('scale', [1.0, 4.0])
def test_the_kernel_is_the_definition(name, scale, roi_batch):
    definition, kernel, logits = make_case(name, roi_batch, scale=scale)
    ours, theirs = (
        result if isinstance(result, tuple) else (result,) for result in (kernel(logits), definition(logits))
    )
    loss = theirs[0].sum(1) if theirs[0].dim() == 2 else theirs[0]
    torch.testing.assert_close(ours, (loss, *theirs[1:]))
    row_weight = torch.linspace(-1, 2, 7, dtype=torch.float64)
    gradients = [torch.autograd.grad(each @ row_weight, logits)[0] for each in (ours[0], loss)]
    torch.testing.assert_close(*gradients)


@compiles_in_one_graph
@EACH
def test_the_definition_compiles_in_one_graph(name, roi_batch):
    """Backend 'aot_eager' traces the backward pass too and needs no C++ compiler."""
    torch._dynamo.reset()
    definition, kernel, logits = make_case(name, roi_batch)
    for function in (definition, kernel):
        compiled = torch.compile(function, fullgraph=True, backend='aot_eager')
        torch.testing.assert_close(compiled(logits), function(logits))


@EACH
def test_the_definition_is_differentiable_twice(name, roi_batch):
    definition, _, logits = make_case(name, roi_batch)
    if name not in ('seesaw', 'seesaw-no-p'):  # the compensation is a constant to the gradient
        assert torch.autograd.gradcheck(definition, (logits,))
    first = lambda result: result[0] if isinstance(result, tuple) else result  # noqa: E731
    (gradient,) = torch.autograd.grad(first(definition(logits)).sum(), logits, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), logits)
    assert second.isfinite().all()
    assert second.any()


def test_pcb_wants_the_rows_of_the_classes_in_the_batch_alone(roi_batch):
    _, _, logits = make_case('pcb', roi_batch)
    soft, share = CASES['pcb'][3]
    labels = torch.tensor([1, 3, C, 3]).repeat(len(logits))[: len(logits)]
    classes, index = labels.unique(return_inverse=True)
    found = kernels.pcb_softmax_kernel(logits, labels, index, soft[classes[classes < C]], share)
    torch.testing.assert_close(found, pcb_definition(logits, labels, soft, share))
