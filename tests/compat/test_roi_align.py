from __future__ import annotations

import itertools
import math

import pytest
import torch

from ..torch_versions import CPU_HALF

GRID = [*itertools.product([0, 2], [True, False])]
ROIS = torch.tensor(
    [
        [0, 1.0, 2.0, 13.0, 9.0],
        [1, 0.0, 0.0, 15.9, 11.9],
        [1, 4.3, 3.1, 5.0, 3.4],
        [0, 6.0, 6.0, 6.0, 6.0],
        [0, -3.0, -2.5, 5.0, 4.0],
        [1, 10.0, 8.0, 30.0, 25.0],
    ]
)


def bin_weights(roi, shape, size, scale, ratio, aligned):
    """(bins_y, bins_x, B, H, W) weight of each feature pixel in each bin: what the paper's averaging comes down to."""
    batch, height, width = shape
    shift = 0.5 if aligned else 0.0
    x1, y1, x2, y2 = (float(v) * scale - shift for v in roi[1:])
    roi_w, roi_h = (side if aligned else max(side, 1.0) for side in (x2 - x1, y2 - y1))
    step_y, step_x = roi_h / size[0], roi_w / size[1]
    num_y, num_x = (ratio or math.ceil(step) for step in (step_y, step_x))
    weights = torch.zeros(*size, batch, height, width, dtype=torch.float64)
    for p, q, i, j in itertools.product(range(size[0]), range(size[1]), range(num_y), range(num_x)):
        y = y1 + (p + (i + 0.5) / num_y) * step_y
        x = x1 + (q + (j + 0.5) / num_x) * step_x
        if -1 <= y <= height and -1 <= x <= width:
            for (row, wy), (col, wx) in itertools.product(neighbors(y, height), neighbors(x, width)):
                weights[p, q, int(roi[0]), row, col] += wy * wx / (num_y * num_x)
    return weights


def neighbors(position, length):
    position = min(max(position, 0.0), length - 1.0)
    low = int(position)
    return [(low, 1 - position + low), (min(low + 1, length - 1), position - low)]


def reference(features, rois, size, scale, ratio, aligned):
    shape = (features.size(0), *features.shape[2:])
    weights = torch.stack([bin_weights(roi, shape, size, scale, ratio, aligned) for roi in rois])
    return torch.einsum('npqbhw,bchw->ncpq', weights, features.double())


def features_of(dtype=torch.float64, device='cpu'):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 6, 8, generator=generator, dtype=torch.float64).to(device, dtype).requires_grad_()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(('ratio', 'aligned'), GRID)
def test_values_and_gradients_are_those_of_bilinear_averaging(ops, device, dtype, ratio, aligned):
    features, size, scale = features_of(dtype, device), (2, 3), 0.5
    pooled = ops.RoIAlign(size, scale, ratio, 'avg', aligned)(features, ROIS.to(device, dtype))
    expected_features = features_of()
    expected = reference(expected_features, ROIS, size, scale, ratio, aligned)
    torch.testing.assert_close(pooled.cpu().double(), expected, rtol=1e-5, atol=1e-5)

    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pooled.backward(upstream.to(device, dtype))
    expected.backward(upstream)
    torch.testing.assert_close(features.grad.cpu().double(), expected_features.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(('ratio', 'aligned'), GRID)
def test_half_precision_is_single_precision_rounded_once(our_ops, device, dtype, ratio, aligned):
    features, rois = features_of(dtype, device), ROIS.to(device, dtype)
    exact = features.detach().float().requires_grad_()
    align = our_ops.RoIAlign((2, 3), 0.5, ratio, 'avg', aligned)
    pooled, expected = align(features, rois), align(exact, rois.float())
    assert pooled.dtype == dtype
    torch.testing.assert_close(pooled, expected.to(dtype), rtol=0, atol=0)

    upstream = torch.randn_like(pooled)
    pooled.backward(upstream)
    expected.backward(upstream.float())
    assert features.grad.dtype == dtype
    torch.testing.assert_close(features.grad, exact.grad.to(dtype), rtol=0, atol=0)


def test_gradcheck(ops):
    align = ops.RoIAlign((2, 2), 0.5, 2, 'avg', True)
    rois = ROIS.double()
    assert torch.autograd.gradcheck(lambda x: align(x, rois), features_of())


def test_rois_get_no_gradient(ops, device):
    rois = ROIS.to(device).requires_grad_()
    ops.RoIAlign((2, 2), 0.5)(features_of(torch.float32, device), rois).sum().backward()
    assert rois.grad is None


def test_no_rois_give_no_bins_and_no_gradient(ops, device):
    features = features_of(torch.float32, device)
    pooled = ops.RoIAlign((7, 7), 0.5)(features, torch.zeros(0, 5, device=device))
    pooled.sum().backward()
    assert pooled.shape == (0, 3, 7, 7)
    assert torch.count_nonzero(features.grad) == 0


def test_an_empty_batch_pools_to_nothing(our_ops, device):
    features = torch.zeros(0, 3, 6, 8, device=device, requires_grad=True)
    pooled = our_ops.RoIAlign((2, 2), 0.5)(features, torch.zeros(0, 5, device=device))
    pooled.sum().backward()
    assert pooled.shape == (0, 3, 2, 2)
    assert features.grad.shape == features.shape


@pytest.mark.parametrize('layout', ['expanded', 'transposed', 'channels_last', 'strided'])
def test_the_memory_layout_of_the_gradient_does_not_matter(ops, our_ops, device, layout):
    dense = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    upstream = {
        'expanded': torch.ones(1).expand(6, 3, 4, 4),
        'transposed': dense.transpose(2, 3),
        'channels_last': dense.contiguous(memory_format=torch.channels_last),
        'strided': torch.cat([dense, dense], 1)[:, ::2],
    }[layout].to(device)
    grads = []
    for grad in (upstream, upstream.contiguous()):
        features = features_of(torch.float32, device)
        ops.RoIAlign((4, 4), 0.5)(features, ROIS.to(device)).backward(grad)
        grads.append(features.grad)
    torch.testing.assert_close(*grads)


def test_the_op_itself_takes_any_layout_and_adds_to_the_gradient(our_ops):
    from longtail_det.compat import mmcv_ops

    grad = torch.randn(4, 4, 3, 6).permute(3, 2, 0, 1)
    start = torch.randn(2, 3, 6, 8)
    results = []
    for grad_output in (grad, grad.contiguous()):
        total, empty = start.clone(), start.new_zeros(0)
        mmcv_ops.roi_align_backward(grad_output, ROIS, empty, empty, total, 4, 4, 0.5, 2, 1, True)
        results.append(total - start)
    torch.testing.assert_close(*results)
    features = torch.zeros(2, 3, 6, 8, requires_grad=True)
    our_ops.RoIAlign((4, 4), 0.5, 2)(features, ROIS).backward(grad)
    torch.testing.assert_close(results[0], features.grad, rtol=1e-4, atol=1e-5)


def test_max_pooling_is_refused_in_one_line(our_ops):
    with pytest.raises(NotImplementedError, match=r"pool_mode='max' needs the compiled mmcv.*pip") as caught:
        our_ops.RoIAlign((2, 2), 0.5, pool_mode='max')(features_of(torch.float32), ROIS)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('dtype', CPU_HALF)
def test_autocast_trains_through_it(our_ops, device, dtype):
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 4, 3, padding=1).to(device)
    image, align = torch.randn(2, 3, 6, 8, device=device), our_ops.RoIAlign((2, 2), 0.5)
    with torch.autocast(device, dtype=dtype):
        features = conv(image)
        pooled = align(features, ROIS.to(device))
        pooled.square().mean().backward()
    assert features.dtype == pooled.dtype == dtype
    torch.testing.assert_close(pooled.float(), align(features.float(), ROIS.to(device)), rtol=1e-2, atol=1e-2)
    assert torch.isfinite(conv.weight.grad).all()
    assert torch.count_nonzero(conv.weight.grad)


def test_deterministic_mode_gives_the_same_gradient(our_ops, device):
    grads = []
    for deterministic in (False, True):
        torch.use_deterministic_algorithms(deterministic)
        try:
            features = features_of(torch.float32, device)
            our_ops.RoIAlign((2, 2), 0.5)(features, ROIS.to(device)).square().sum().backward()
        finally:
            torch.use_deterministic_algorithms(False)
        grads.append(features.grad)
    torch.testing.assert_close(*grads)
