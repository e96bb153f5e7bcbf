"""The parts that a calibration sees give, joined again, the loss's own test scores."""

from __future__ import annotations

import pytest
import torch

from longtail_det.losses import ScoreParts

from .catalog import LOSSES, NUM_CLASSES, build


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize('scale', [3.0, 100.0])
def test_joined_parts_are_the_activation(name, scale):
    loss = build(name).eval()
    columns = NUM_CLASSES + loss.extra_channels
    logits = scale * torch.randn(20, columns, generator=torch.Generator().manual_seed(0))
    parts = loss.score_parts(logits)
    torch.testing.assert_close(parts.scores(), loss.get_activation(logits), rtol=1e-5, atol=1e-6)
    assert not parts.logits.isnan().any()
    assert parts.logits.shape == (20, NUM_CLASSES + parts.softmax)


def test_without_objectness_the_odds_of_eqlv2_are_its_logits():
    logits = torch.randn(4, NUM_CLASSES + 1, generator=torch.Generator().manual_seed(0))
    loss = build('eqlv2', test_with_obj=False)
    torch.testing.assert_close(loss.score_parts(logits).scores(), loss.get_activation(logits))
    torch.testing.assert_close(loss.score_parts(logits).logits, logits[:, :-1], rtol=1e-5, atol=1e-5)


def test_probabilities_of_zero_and_one_have_finite_odds():
    scores = torch.tensor([[0.0, 1.0, 0.25, 0.5]])
    parts = ScoreParts.of_probabilities(scores)
    assert parts.logits.isfinite().all()
    torch.testing.assert_close(parts.scores(), scores)
