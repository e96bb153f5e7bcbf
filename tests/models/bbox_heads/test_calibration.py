"""A calibrated head: the scores of its loss, corrected, in a standard, Cascade and HTC head; training as without."""

from __future__ import annotations

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

from longtail_det.calibration import CALIBRATIONS
from longtail_det.models.bbox_heads.many_class_boxes import RoIOutputs, score_parts

from ..test_roi_heads import COUNTS, KINDS, LOSSES, NUM_CLASSES, batch, roi_head_config

STATISTICS = dict(
    image_count=COUNTS,
    instance_count=COUNTS,
    num_images=1000,
    total_images=1000,
    fractal_dim=[1.0, 1.2, 1.4, 1, 1.9, 2],
)
CONFIGS = {
    'NorCal': dict(type='NorCal', gamma=0.6, class_statistics=STATISTICS),
    'LogitAdjustment': dict(type='LogitAdjustment', class_statistics=STATISTICS),
    'IIF': dict(type='IIF', class_statistics=STATISTICS),
    'FRACAL': dict(type='FRACAL', strength=2.0, class_statistics=STATISTICS),
    'LogN': dict(type='LogN'),
}
ALL_LOSSES = [*LOSSES, 'CrossEntropyLoss']


def build(kind, loss, calibration=None, **changes):
    config = roi_head_config(kind, loss if loss in LOSSES else 'SigmoidCE')
    heads = config['bbox_head'] if isinstance(config['bbox_head'], list) else [config['bbox_head']]
    for head in heads:
        head.update(changes)
        if loss == 'CrossEntropyLoss':
            head['loss_cls'] = dict(type=loss)
        if calibration is not None:
            head['calibration'] = dict(calibration)
    torch.manual_seed(0)
    roi_head = MODELS.build(ConfigDict(config))
    torch.manual_seed(1)
    for name, parameter in roi_head.named_parameters():
        torch.nn.init.normal_(parameter, std=0.3 if 'fc_cls' in name else 0.05)
    return roi_head.eval()


def bbox_heads(roi_head):
    return [module for module in roi_head.modules() if hasattr(module, 'fc_cls')]


def seen_outputs(roi_head):
    """What the last head is given before it detects, of each image."""
    features, proposals, samples = batch()
    seen = []
    bbox_heads(roi_head)[-1].on_outputs = seen.append
    with torch.no_grad():
        results = roi_head.predict(features, copy.deepcopy(proposals), copy.deepcopy(samples), rescale=True)
    return seen, results


def test_every_calibration_is_here():
    assert set(CONFIGS) == {kind.__name__ for kind in CALIBRATIONS}


@pytest.mark.parametrize('agnostic', [True, False])
@pytest.mark.parametrize('name', ['NorCal', 'FRACAL'])
@pytest.mark.parametrize('loss', ALL_LOSSES)
def test_detections_have_the_calibrated_scores(loss, name, agnostic):
    roi_head = build('StandardRoIHead', loss, CONFIGS[name], reg_class_agnostic=agnostic)
    seen, results = seen_outputs(roi_head)
    head = roi_head.bbox_head
    assert len(seen) == 2
    for outputs, found in zip(seen, results, strict=True):
        expected = head.calibration(score_parts(head.loss_cls, outputs.cls_score))
        assert not torch.allclose(expected, head_scores(head, outputs), atol=1e-4)
        raw = head.detect(outputs)
        torch.testing.assert_close(raw.scores, expected)
        assert len(found)
        among = expected[:, :-1].flatten()
        assert all((score - among).abs().min() < 1e-6 for score in found.scores)


def head_scores(head, outputs):
    calibration, head.calibration = head.calibration, None
    scores = head.test_scores(outputs.cls_score)
    head.calibration = calibration
    return scores


@pytest.mark.parametrize('loss', ALL_LOSSES)
def test_strength_zero_detects_what_the_plain_head_detects(loss):
    plain = seen_outputs(build('StandardRoIHead', loss))[1]
    same = seen_outputs(build('StandardRoIHead', loss, CONFIGS['NorCal'] | dict(gamma=0.0)))[1]
    for one, other in zip(plain, same, strict=True):
        torch.testing.assert_close(one.scores, other.scores, rtol=1e-5, atol=1e-6)
        assert torch.equal(one.labels, other.labels)


@pytest.mark.parametrize('kind', KINDS[1:])
def test_a_cascade_calibrates_the_averaged_logits(kind):
    plain, calibrated = build(kind, 'CrossEntropyLoss'), build(kind, 'CrossEntropyLoss', CONFIGS['FRACAL'])
    (before, _), (after, results) = seen_outputs(plain), seen_outputs(calibrated)
    head = bbox_heads(calibrated)[-1]
    for one, other, found in zip(before, after, results, strict=True):
        assert torch.equal(one.cls_score, other.cls_score), 'refinement sees the logits as they are'
        expected = head.calibration(score_parts(head.loss_cls, other.cls_score))
        assert all((score - expected).abs().min() < 1e-6 for score in found.scores)


@pytest.mark.parametrize('kind', KINDS)
def test_logn_normalizes_the_logits_of_each_stage(kind):
    roi_head = build(kind, 'CrossEntropyLoss', CONFIGS['LogN'])
    for stage, head in enumerate(bbox_heads(roi_head)):
        head.calibration.statistics.update(stage + torch.randn(40, NUM_CLASSES))
        features = torch.randn(5, head.cls_last_dim)
        expected = head.calibration.adjust_logits(head.fc_cls(features))
        assert torch.equal(head.classify(features), expected)
        assert not torch.allclose(expected, head.fc_cls(features))
        assert torch.equal(head.train().classify(features), head.fc_cls(features)), 'training is as without'
        head.eval()
    _, results = seen_outputs(roi_head)
    assert all(((found.scores > 0) & (found.scores <= 1)).all() for found in results)


@pytest.mark.parametrize('name', CONFIGS)
def test_training_is_that_of_the_plain_head(name):
    features, proposals, samples = batch()
    losses = []
    for calibration in (None, CONFIGS[name]):
        roi_head = build('StandardRoIHead', 'CrossEntropyLoss', calibration).train()
        torch.manual_seed(0)
        losses.append(roi_head.loss(features, copy.deepcopy(proposals), copy.deepcopy(samples)))
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)


def test_weights_of_a_plain_head_load_into_a_calibrated_one():
    plain, calibrated = (build('StandardRoIHead', 'CrossEntropyLoss', c) for c in (None, CONFIGS['FRACAL']))
    missing, unexpected = calibrated.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(key.startswith('bbox_head.calibration.') for key in missing)


def test_no_roi_is_detected_nothing():
    head = build('StandardRoIHead', 'CrossEntropyLoss', CONFIGS['FRACAL']).bbox_head
    meta = dict(img_shape=(64, 64), scale_factor=(1.0, 1.0))
    empty = RoIOutputs(torch.zeros(0, 5), torch.zeros(0, 7), torch.zeros(0, 4), meta, True)
    cfg = ConfigDict(score_thr=0.0, nms=dict(type='nms', iou_threshold=0.5), max_per_img=5)
    assert len(head.detect(empty, cfg)) == 0


def test_a_loss_of_unknown_scores_is_refused():
    class Own(torch.nn.Module):
        custom_activation = True

    with pytest.raises(ValueError, match='Own has an activation of its own and no score_parts'):
        score_parts(Own(), torch.zeros(1, 7))


def test_half_precision_is_calibrated_in_float32():
    assert score_parts(torch.nn.CrossEntropyLoss(), torch.zeros(1, 7).half()).logits.dtype == torch.float32
