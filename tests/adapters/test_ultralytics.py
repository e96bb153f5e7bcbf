"""YOLO models of Ultralytics, built with random weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from longtail_det.adapters import ultralytics_dense_loss
from longtail_det.adapters.ultralytics import SoftTargetLoss, swap_bce
from longtail_det.losses import EFL, EQFL, EQL, SeesawLoss

from .laws import moved, train_dense

NUM_CLASSES = 5
STATISTICS = dict(image_count=[1, 5, 50, 60, 70], instance_count=[100] * 5, num_images=100)


def targets_of_anchors(seed=0, anchors=40):
    """Logits, and target scores of which each anchor has one at most, as the task-aligned assigner gives them."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, anchors, NUM_CLASSES, generator=generator)
    target = torch.zeros_like(logits)
    target[0, ::3, 1] = torch.rand(len(range(0, anchors, 3)), generator=generator)
    target[1, ::7, 4] = torch.rand(len(range(0, anchors, 7)), generator=generator)
    return logits, target


def quality_focal(logits, target):
    """The loss of EQFL where all classes are balanced, from the dense targets."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    return ((target - logits.sigmoid()).abs() ** 2 * entropy).sum()


def test_soft_targets_are_converted_exactly():
    logits, target = targets_of_anchors()
    found = SoftTargetLoss(EQFL(NUM_CLASSES, scale=0.0))(logits, target)
    torch.testing.assert_close(found, quality_focal(logits, target))


def test_without_an_object_all_is_background():
    logits, _ = targets_of_anchors()
    nothing = torch.zeros_like(logits)
    found = SoftTargetLoss(EQFL(NUM_CLASSES, scale=0.0))(logits, nothing)
    torch.testing.assert_close(found, quality_focal(logits, nothing))


def test_it_counts_in_training_alone():
    loss = EQFL(NUM_CLASSES)
    logits, target = targets_of_anchors()
    SoftTargetLoss(loss)(logits, target)
    assert not moved(loss.neg_grad)
    SoftTargetLoss(loss)(logits.requires_grad_(), target)
    assert moved(loss.neg_grad)


@pytest.mark.parametrize(
    ('criterion', 'message'),
    [
        (SimpleNamespace(), 'SimpleNamespace has no bce; expected the criterion of a YOLO that detects'),
        (SimpleNamespace(bce=1, nc=4), 'EQFL has num_classes=5, the model nc=4; make them equal'),
        (SimpleNamespace(bce=1, nc=5, class_weights=torch.ones(5)), 'weighs its classes already; set cls_pw=0'),
    ],
)
def test_mistakes_are_one_line(criterion, message):
    with pytest.raises(ValueError, match=message):
        swap_bce(criterion, EQFL(NUM_CLASSES))


def test_a_loss_of_other_columns_is_refused_at_once():
    with pytest.raises(ValueError, match='SeesawLoss is no loss of C sigmoids'):
        ultralytics_dense_loss(SeesawLoss(num_classes=NUM_CLASSES))


@pytest.fixture(scope='module')
def yolo():
    return pytest.importorskip('ultralytics', reason='needs ultralytics: pip install ultralytics (docs/adapters.md)')


def make_model(yaml='yolo11n.yaml', seed=0):
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(seed)
    model = DetectionModel(yaml, nc=NUM_CLASSES, verbose=False)
    model.args = get_cfg()
    model.criterion = model.init_criterion()
    return model.train()


BATCH = dict(
    img=torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)),
    batch_idx=torch.tensor([0, 0, 1]),
    cls=torch.tensor([[0.0], [3.0], [4.0]]),
    bboxes=torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.3, 0.5], [0.6, 0.4, 0.5, 0.4]]),
)


def test_the_hosts_other_losses_and_its_normalizer_stay(yolo):
    expected, _ = make_model().loss(BATCH)
    model = make_model()
    seen = []
    host = model.criterion.bce
    model.criterion.bce = lambda pred, target: seen.append((pred, target)) or host(pred, target)
    torch.testing.assert_close(model.loss(BATCH)[0], expected)
    (pred, target), model = seen[0], make_model()
    assert (target > 0).sum(-1).max() == 1, 'an anchor has one class at most'
    assert (target > 0).any()
    swap_bce(model.criterion, EQFL(NUM_CLASSES, scale=0.0))
    found, _ = model.loss(BATCH)
    classification = quality_focal(pred, target) / target.sum().clamp(min=1) * model.args.cls * len(BATCH['img'])
    torch.testing.assert_close(found, torch.stack([expected[0], classification, expected[2]]))


def keep_first_assignment(criterion):
    """The target scores follow the predictions, so that a loss may rise while a model learns: here they do not."""
    for holder in (criterion, *vars(criterion).values()):
        if hasattr(holder, 'assigner'):
            holder.assigner = FirstAnswer(holder.assigner)


class FirstAnswer:
    def __init__(self, function):
        self.function, self.answer = function, None

    def __call__(self, *arguments):
        if self.answer is None:
            self.answer = self.function(*arguments)
        return self.answer


@pytest.mark.parametrize('yaml', ['yolov8n.yaml', 'yolo11n.yaml', 'yolo26n.yaml'])
@pytest.mark.parametrize('kind', [EFL, EQFL, EQL])
def test_dense_losses_train(yolo, yaml, kind):
    options = dict(lambda_=0.1, class_statistics=STATISTICS) if kind is EQL else {}
    loss = kind(NUM_CLASSES, **options)
    model = make_model(yaml)
    swap_bce(model.criterion, loss)
    keep_first_assignment(model.criterion)
    train_dense(model, loss, lambda: model.loss(BATCH)[0][1], lr=1e-4)


def test_both_branches_of_an_end_to_end_model_are_ours(yolo):
    model = make_model('yolo26n.yaml')
    swap_bce(model.criterion, EFL(NUM_CLASSES))
    branches = [model.criterion.one2many.bce, model.criterion.one2one.bce]
    assert all(isinstance(bce, SoftTargetLoss) for bce in branches)


def test_the_criterion_of_ultralytics_own_rt_detr_is_refused(yolo):
    from ultralytics.models.utils.loss import RTDETRDetectionLoss

    with pytest.raises(ValueError, match='RTDETRDetectionLoss has no bce'):
        swap_bce(RTDETRDetectionLoss(nc=NUM_CLASSES), EFL(NUM_CLASSES))


@pytest.mark.slow
def test_a_training_by_the_host_calls_back(yolo, tmp_path, monkeypatch):
    import cv2

    monkeypatch.chdir(tmp_path)
    for split in ('images', 'labels'):
        (tmp_path / split).mkdir()
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{number}.jpg'), image)
        (tmp_path / f'labels/{number}.txt').write_text(f'{number % NUM_CLASSES} 0.5 0.5 0.4 0.4\n')
    names = '\n'.join(f'  {c}: class{c}' for c in range(NUM_CLASSES))
    (tmp_path / 'data.yaml').write_text(f'path: {tmp_path}\ntrain: images\nval: images\nnames:\n{names}\n')
    loss = EQFL(NUM_CLASSES)
    model = yolo.YOLO('yolo11n.yaml', verbose=False)
    model.add_callback('on_train_start', ultralytics_dense_loss(loss))
    seen = []
    model.add_callback('on_train_batch_end', lambda trainer: seen.append(loss.neg_grad.sum().item()))
    model.train(
        data='data.yaml', epochs=2, imgsz=64, batch=2, device='cpu', workers=0, plots=False, val=False, amp=False,
        verbose=False, project=str(tmp_path / 'runs'),
    )  # fmt: skip
    assert seen == sorted(seen)
    assert seen[-1] > 0
    (checkpoint,) = tmp_path.glob('runs/**/last.pt')
    weights = torch.load(checkpoint, weights_only=False)
    assert 'longtail_det' not in str(weights['model'] or weights['ema']), 'a checkpoint is of the host alone'
    state = loss.state_dict()
    fresh = EQFL(NUM_CLASSES)
    fresh.load_state_dict(state)
    assert torch.equal(fresh.neg_grad, loss.neg_grad)
