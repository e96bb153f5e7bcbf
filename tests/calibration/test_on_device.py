"""Every calibration on a CUDA device: the scores of the CPU, without a wait."""

from __future__ import annotations

import pytest
import torch

from longtail_det.calibration import LogN
from longtail_det.losses import ScoreParts

from ..host_waits import DEVICE, never_waiting
from .test_every_calibration import METHODS, build, logits

EACH = pytest.mark.parametrize('name', list(METHODS))


@EACH
@pytest.mark.parametrize('softmax', [True, False])
def test_nothing_waits(name, softmax):
    calibration = build(name)
    calibration(ScoreParts(logits(), softmax=True))  # the first call may ask whether the table is there
    parts = [logits()] if softmax else [logits()[:, :-1], logits()[:, -1:].sigmoid()]
    parts = [part.to(DEVICE) for part in parts]
    calibration.to(DEVICE)
    with never_waiting():
        scores = calibration(ScoreParts(parts[0], softmax, background=None if softmax else parts[1]))
    assert scores.shape == (9, 7)


@pytest.mark.cuda
@EACH
def test_scores_are_those_of_the_cpu(name, device):
    calibration, x = build(name), logits()
    for parts in (lambda x: ScoreParts(x, softmax=True), lambda x: ScoreParts.of_probabilities(x.sigmoid())):
        expected = calibration.cpu()(parts(x))
        found = calibration.to(device)(parts(x.to(device)))
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.cuda
def test_logit_statistics_are_those_of_the_cpu(device):
    results = []
    for where in ('cpu', device):
        calibration = LogN(6).to(where)
        calibration.collecting = True
        for seed in range(3):
            calibration.adjust_logits(logits(seed=seed).to(where))
        calibration.collecting = False
        results.append(calibration.eval().adjust_logits(logits(seed=5).to(where)).cpu())
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)
