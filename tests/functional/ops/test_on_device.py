"""The ops on a CUDA device: what they give on the CPU."""

from __future__ import annotations

import pytest
import torch

from longtail_det.functional.ops import encode_runs, label_linear, paste_runs
from longtail_det.functional.ops.nms import best_candidates, first_survivors, spread_classes, suppress_within_classes

pytestmark = pytest.mark.cuda


def make_boxes(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    corners = 300 * torch.rand(count, 2, generator=generator)
    return torch.cat([corners, corners + 10 + 80 * torch.rand(count, 2, generator=generator)], dim=1)


def greedy(boxes):
    """Greedy NMS at an IoU of 0.5, plain PyTorch on any device."""
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    overlaps = (shared > 0.5 * (area[:, None] + area - shared)).cpu()
    kept = []
    for index in range(len(boxes)):
        if not overlaps[index, kept].any():
            kept.append(index)
    return torch.tensor(kept, dtype=torch.long, device=boxes.device)


def test_the_best_candidates(device):
    scores = torch.rand(1000, 1204, generator=torch.Generator().manual_seed(0)).mul(500).round() / 500
    valid = scores > 0.2
    found = best_candidates(scores.to(device), valid.to(device), 1200)
    assert torch.equal(found.cpu(), best_candidates(scores, valid, 1200))


def test_survivors_within_classes(device):
    boxes, labels = make_boxes(400), torch.arange(400) % 7
    scores = torch.rand(400, 7, generator=torch.Generator().manual_seed(1))

    def run(where):
        own = boxes.to(where)

        def look(rows, classes):
            spread = spread_classes(own[rows], classes)
            return own[rows], suppress_within_classes(spread, classes, greedy)

        return first_survivors(scores.to(where), scores.to(where) > 0.3, look, 100)

    for found, expected in zip(run(device), run('cpu'), strict=True):
        assert torch.equal(found.cpu(), expected)
    kept = suppress_within_classes(boxes.to(device), labels.to(device), greedy)
    assert torch.equal(kept.cpu(), suppress_within_classes(boxes, labels, greedy))


def test_a_linear_layer_of_chosen_rows(device):
    generator = torch.Generator().manual_seed(0)
    features, weight = torch.randn(33, 16, generator=generator), torch.randn(40, 16, generator=generator)
    labels, bias = torch.randint(10, (33,), generator=generator), torch.randn(40, generator=generator)
    results = []
    for where in ('cpu', device):
        inputs = [x.to(where).requires_grad_() for x in (features, weight, bias)]
        out = label_linear(inputs[0], labels.to(where), inputs[1], inputs[2], 10)
        results.append([out, *torch.autograd.grad(out.square().sum(), inputs)])
    torch.testing.assert_close(results[1], results[0], check_device=False, rtol=1e-4, atol=1e-4)
    with torch.autocast(device, dtype=torch.bfloat16):
        out = label_linear(features.to(device), labels.to(device), weight.to(device), bias.to(device), 10)
    torch.testing.assert_close(out.float().cpu(), results[0][0].detach(), rtol=0.05, atol=0.2)


@pytest.mark.parametrize('near_box', [True, False])
def test_pasted_masks_are_the_same_but_for_ties(near_box, device):
    coarse = 4 * torch.randn(60, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    probs = torch.nn.functional.interpolate(coarse, size=(28, 28), mode='bilinear').sigmoid()
    boxes, masks = make_boxes(60), []
    for where in (device, 'cpu'):
        runs = paste_runs(probs.to(where), boxes.to(where), 320, 400, threshold=0.5, near_box=near_box)
        counts = encode_runs(*runs, num_masks=60, num_pixels=320 * 400)
        mask_api = pytest.importorskip('pycocotools.mask')
        masks.append(mask_api.decode([{'size': [320, 400], 'counts': each} for each in counts]))
    # a value that rounds to the other side of the threshold
    assert (masks[0] != masks[1]).mean() < 1e-5
    assert masks[1].any()
