"""RIOBBoxHead against a loop with deques, and what it must not touch."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict

from longtail_det.models import losses as our_losses
from longtail_det.models.bbox_heads import rio_bbox_head
from longtail_det.models.bbox_heads.replay import may_pad

from ...torch_versions import fake_gpu

NUM_CLASSES = 5
TARGETS = [1, 3]
SIZES = dict(in_channels=2, roi_feat_size=3, fc_out_channels=8, num_classes=NUM_CLASSES)
BANK = dict(capacity=3, target_classes=TARGETS)
CFG = ConfigDict(pos_weight=-1)
#: foreground labels and number of background RoIs of each image of each step
STEPS = [
    [([1, 1, 3, 0], 3), ([], 2), ([4], 5)],
    [([1, 2], 1)],
    [([1, 3, 3, 3, 3], 0), ([1], 4)],
    [([], 4)],
    [([3, 1, 0], 2), ([3], 1)],
]
STATISTICS = dict(image_count=[3, 10, 40, 200, 800], instance_count=[900] * 5, num_images=1000)
COUNTS = dict(class_statistics=STATISTICS)
LOSS_ARGUMENTS = {
    'EQL': dict(lambda_=0.05, **COUNTS),
    'DropLoss': dict(lambda_=0.05, **COUNTS),
    'GAP': dict(base=dict(type='EQLv2')),
    'PCB': dict(base=dict(type='SeesawLoss'), alpha=0.05),
    **dict.fromkeys(('ACSL', 'ECMLoss', 'FedLoss', 'GroupSoftmax', 'IIFLoss', 'LogitAdjustedCE'), COUNTS),
}
LOSS_ARGUMENTS['ClassRelativeActivations'] = COUNTS
OUR_LOSSES = sorted(kind.__name__ for kind in our_losses.ROI_LOSSES)
LOSSES = {name: dict(type=name, num_classes=NUM_CLASSES, **LOSS_ARGUMENTS.get(name, {})) for name in OUR_LOSSES}
LOSSES['CrossEntropyLoss'] = dict(type='CrossEntropyLoss')


def build(type_='RIOBBoxHead', seed=0, real=True, **kwargs):
    torch.manual_seed(seed)
    rio = dict(bank=BANK, replay_per_class=2) if type_ == 'RIOBBoxHead' else {}
    loss_bbox = dict(type='L1Loss')
    head = MODELS.build({'type': type_, **SIZES, **rio, 'loss_bbox': loss_bbox, **kwargs})
    if not real:
        return head
    head.init_weights()
    return head.double()


def images_of(step, seed):
    """What mmdet's RoI head hands to its box head, with random boxes."""
    generator = torch.Generator().manual_seed(seed)

    def boxes(number):
        corner = 50 * torch.rand(number, 2, generator=generator, dtype=torch.float64)
        return torch.cat([corner, corner + 5 + 20 * torch.rand(number, 2, generator=generator).double()], dim=1)

    return [
        SimpleNamespace(
            pos_priors=boxes(len(labels)),
            neg_priors=boxes(background),
            pos_gt_bboxes=boxes(len(labels)),
            pos_gt_labels=torch.tensor(labels, dtype=torch.long),
            pos_inds=torch.arange(len(labels)),
            pos_assigned_gt_inds=torch.arange(len(labels)),
            num_gts=len(labels),
        )
        for labels, background in step
    ]


def run(head, step, seed=0, cfg=CFG):
    """Losses of a step, and the input of the head."""
    images = images_of(step, seed)
    rois = bbox2roi([torch.cat([image.pos_priors, image.neg_priors]) for image in images])
    x = torch.randn(len(rois), 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    cls_score, bbox_pred = head(x.requires_grad_())
    results = head.loss_and_target(cls_score, bbox_pred, rois, images, cfg)
    assert len(results['bbox_targets'][0]) == len(rois)  # Cascade refines the RoIs that there are
    return results['loss_bbox'], x


def backward(head, losses):
    head.zero_grad()
    sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()
    return {name: p.grad.clone() for name, p in head.named_parameters() if p.grad is not None}


class Loop:
    """RIO as METHODS has it, RoI by RoI."""

    def __init__(self, head):
        self.head = head
        self.deques = defaultdict(lambda: deque(maxlen=3))

    def losses(self, step, seed):
        head, images = self.head, images_of(step, seed)
        labels, _, targets, _ = head.get_targets(images, CFG)
        x = torch.randn(len(labels), 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        features, _ = head.branch_features(x)
        rows = list(zip(features, labels.tolist(), targets, strict=True))
        stored = [row for c in TARGETS if c in labels for row in list(self.deques[c])[::-1][:2]]
        for feature, label, target in rows:
            if label in TARGETS:
                self.deques[label].append((feature.detach(), label, target))
        total_cls, total_reg = 0.0, 0.0
        for replayed, batch in ((False, rows), (True, stored)):
            for feature, label, target in batch:
                total_cls += F.cross_entropy(head.fc_cls(feature[None]), torch.tensor([label]))
                if label < NUM_CLASSES and (head.replay_reg or not replayed):
                    pred = head.fc_reg(feature[None]).view(-1, 4)
                    pred = pred[0] if head.reg_class_agnostic else pred[label]
                    total_reg += (pred - target).abs().sum()
        everything = len(rows) + len(stored)
        return total_cls / everything, total_reg / (everything if head.replay_reg else len(rows)), len(stored)


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        dict(reg_class_agnostic=True),
        dict(replay_reg=False),
        dict(cls_predictor_cfg=dict(type='CosineLinear')),
        dict(reg_predictor_cfg=dict(type='Linear', bias=False)),
        dict(reg_predictor_cfg=dict(type='NormedLinear')),
        dict(with_avg_pool=True, num_shared_fcs=1),
        dict(num_shared_convs=1, conv_out_channels=4),
    ],
    ids=str,
)
def test_it_is_the_loop(arguments):
    head = build(**arguments)
    loop = Loop(copy.deepcopy(head))
    replayed = []
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        loss_cls, loss_bbox, number = loop.losses(step, seed)
        torch.testing.assert_close(losses['loss_cls'], loss_cls)
        torch.testing.assert_close(losses['loss_bbox'], torch.as_tensor(loss_bbox, dtype=torch.float64))
        if number:
            mine = backward(head, losses)
            theirs = backward(loop.head, dict(loss_cls=loss_cls, loss_bbox=loss_bbox))
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
        replayed.append(number)
    assert replayed == [0, 2, 3, 0, 4]


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('reg_class_agnostic', [False, True])
def test_without_replay_it_is_the_parent(loss, reg_class_agnostic):
    arguments = dict(loss_cls=LOSSES[loss], reg_class_agnostic=reg_class_agnostic)
    head = build(replay=False, bank=None, **arguments)
    parent = build('LongTailBBoxHead', **arguments)
    assert_same(head.state_dict(), parent.state_dict())
    for seed, step in enumerate(STEPS):
        mine, theirs = [], []
        for each, out in ((head, mine), (parent, theirs)):
            torch.manual_seed(seed)  # DropLoss draws
            losses, x = run(each, step, seed)
            out += [losses, backward(each, losses), x.grad]
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def assert_same(one, other):
    torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)


@pytest.mark.parametrize('loss', LOSSES)
def test_an_empty_bank_or_no_foreground_is_the_parent(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    no_foreground = [([], 4), ([], 1)]
    for step in (no_foreground, STEPS[0], no_foreground, [([0, 2, 4], 3)]):
        losses = []
        for each in (head, parent):
            torch.manual_seed(0)
            losses.append(run(each, step)[0])
        assert_same(*losses)


@pytest.mark.parametrize('filled', [False, True])
def test_no_roi_is_the_parent(filled):
    head, parent = build(), build('LongTailBBoxHead')
    if filled:
        run(head, STEPS[0])
    before = copy.deepcopy(head.bank.state_dict())
    (mine, _), (theirs, _) = run(head, [([], 0), ([], 0)]), run(parent, [([], 0), ([], 0)])
    assert_same(mine, theirs)
    assert_same(head.bank.state_dict(), before)


def test_the_bank_holds_features_after_the_shared_layers():
    head = build()
    _, x = run(head, STEPS[0])
    features, _ = head.branch_features(x)
    labels, _, targets, _ = head.get_targets(images_of(STEPS[0], 0), CFG)
    stored = head.bank.sample(torch.tensor(TARGETS), 9)
    order = torch.tensor([1, 0, 2])  # class 1: the latest first; then class 3
    for part, expected in zip(stored, (features, labels, targets), strict=True):
        torch.testing.assert_close(part, expected[order].detach().to(part.dtype))
    assert head.bank.counts.tolist() == [0, 2, 0, 1, 0]


def test_it_changes_only_in_training_and_with_a_loss():
    head, parent = build(), build('LongTailBBoxHead')
    run(head, STEPS[0])
    before = copy.deepcopy(head.state_dict())
    head(torch.zeros(4, 2, 3, 3, dtype=torch.float64))
    for each in (head, parent):
        each.eval()
    (mine, _), (theirs, _) = run(head, STEPS[2]), run(parent, STEPS[2])
    assert_same(head.state_dict(), before)
    assert_same(mine, theirs)
    assert not hasattr(head(torch.zeros(4, 2, 3, 3, dtype=torch.float64))[0], 'roi_features')


def test_gradient_of_replayed_rows_reaches_the_last_layers_only():
    head, parent = build(), build('LongTailBBoxHead')
    run(head, STEPS[0])
    rows, replayed = 10, 3
    (mine, x), (theirs, y) = run(head, STEPS[2], 1), run(parent, STEPS[2], 1)
    mine, theirs = backward(head, mine), backward(parent, theirs)
    # the same sum over the RoIs, divided by more rows
    torch.testing.assert_close(x.grad * (rows + replayed), y.grad * rows)
    for name, gradient in mine.items():
        same = torch.allclose(gradient * (rows + replayed), theirs[name] * rows)
        assert same == name.startswith('shared_fcs'), name


@pytest.mark.parametrize('loss', LOSSES)
def test_every_loss_composes(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    run(head, STEPS[0])
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        gradients = backward(head, losses)
        assert all(value.isfinite().all() for value in [*losses.values(), *gradients.values()])
        accuracies = {key: value for key, value in losses.items() if key.startswith('acc')}
        of_parent, _ = run(parent, step, seed)
        assert accuracies, 'every loss logs an accuracy'
        assert_same(accuracies, {key: of_parent[key] for key in accuracies})  # of this step's RoIs alone


@pytest.mark.parametrize('loss', ['SeesawLoss', 'EQLv2'])
def test_a_loss_that_counts_counts_replayed_rows(loss):
    head, parent = build(loss_cls=LOSSES[loss]), build('LongTailBBoxHead', loss_cls=LOSSES[loss])
    for each in (head, parent):
        for seed, step in enumerate(STEPS[:2]):
            run(each, step, seed)
    counted, of_parent = dict(head.loss_cls.named_buffers()), dict(parent.loss_cls.named_buffers())
    if loss == 'SeesawLoss':
        extra = counted['cum_samples'] - of_parent['cum_samples']
        assert extra.tolist() == [0, 2, 0, 0, 0, 0]
    else:
        assert counted['pos_grad'][1] > of_parent['pos_grad'][1]
        assert (counted['neg_grad'] >= of_parent['neg_grad']).all()


def test_the_mean_scores_of_ebl_are_by_object_and_replayed_rows_of_a_class_are_one_object_more():
    """Three objects of class 3 in one image and two of class 1, then what is replayed of both."""
    head = build(loss_cls=LOSSES['EBL'])
    with torch.no_grad():
        head.fc_cls.weight.normal_()
    run(head, STEPS[0])
    step, seed = [([3, 3, 3, 1], 1), ([1], 2)], 5
    before = head.loss_cls.mean_score.clone()
    labels = torch.tensor([3, 3, 3, 1, 5, 1, 5, 5])
    with torch.no_grad():
        x = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        own = head(x)[0].softmax(1)
        stored = {c: head.fc_cls(head.bank.sample(torch.tensor([c]), 2)[0].double()).softmax(1)[:, c] for c in (1, 3)}
    assert [len(stored[c]) for c in (1, 3)] == [2, 1]
    run(head, step, seed)
    for c in range(NUM_CLASSES):
        objects = [*own[labels == c, c].tolist(), *([stored[c].mean().item()] if c in TARGETS else [])]
        kept = 0.9 ** len(objects)
        expected = before[c] if not objects else kept * before[c] + (1 - kept) * sum(objects) / len(objects)
        assert head.loss_cls.mean_score[c].item() == pytest.approx(float(expected), rel=1e-5), c


STATELESS = [name for name, config in LOSSES.items() if not list(MODELS.build(config).buffers())]


@pytest.mark.parametrize('loss', STATELESS)
@pytest.mark.parametrize('arguments', [{}, dict(reg_class_agnostic=True), dict(replay_reg=False)], ids=str)
def test_padding_changes_nothing(loss, arguments, monkeypatch):
    plain, padded = (build(loss_cls=LOSSES[loss], **arguments) for _ in range(2))
    for seed, step in enumerate(STEPS):
        expected, _ = run(plain, step, seed)
        with monkeypatch.context() as patch:
            patch.setattr(rio_bbox_head, 'may_pad', lambda *_: True)
            losses, _ = run(padded, step, seed)
        torch.testing.assert_close(losses, expected)
        torch.testing.assert_close(backward(padded, losses), backward(plain, expected))
    assert_same(plain.bank.state_dict(), padded.bank.state_dict())


def test_only_a_loss_without_state_is_given_padding_and_only_on_a_gpu():
    assert 'CrossEntropyLoss' in STATELESS
    assert not {'SeesawLoss', 'EQLv2'} & set(STATELESS)
    with fake_gpu():
        on_gpu, on_cpu = torch.zeros(1, device='cuda'), torch.zeros(1)
    for name, config in LOSSES.items():
        assert may_pad(MODELS.build(config), on_gpu) == (name in STATELESS)
        assert not may_pad(MODELS.build(config), on_cpu)


@pytest.mark.parametrize('strategy', ['recent', 'random'])
def test_on_a_gpu_the_replay_waits_for_nothing(strategy, monkeypatch):
    """Fake tensors are of a GPU without one, and refuse whatever needs a value or a shape from the device."""
    with fake_gpu():
        with torch.device('cuda'):
            head = build(strategy=strategy, real=False)
        # mmdet's own box loss asks the device whether there is foreground
        monkeypatch.setattr(head, 'loss', lambda *_: dict(loss_bbox=torch.zeros((), device='cuda')))
        images = images_of(STEPS[0], 0)
        for image in images:
            vars(image).update({k: v.to('cuda') for k, v in vars(image).items() if isinstance(v, torch.Tensor)})
        rois = torch.zeros(15, 5, device='cuda')
        losses = head.loss_and_target(*head(torch.zeros(15, 2, 3, 3, device='cuda')), rois, images, CFG)
    assert sorted(losses['loss_bbox']) == ['acc', 'loss_bbox', 'loss_cls']
    assert losses['loss_bbox']['loss_cls'].is_cuda


@pytest.mark.parametrize('strategy', ['recent', 'random'])
def test_a_resume_is_exact(strategy):
    head = build(strategy=strategy)
    for seed, step in enumerate(STEPS[:3]):
        run(head, step, seed)
    resumed = build(strategy=strategy, seed=1)
    resumed.load_state_dict(copy.deepcopy(head.state_dict()))
    for seed, step in enumerate(STEPS):
        losses = []
        for each in (head, resumed):
            torch.manual_seed(seed)  # a random draw comes from PyTorch's generator
            losses.append(run(each, step, 10 + seed)[0])
        assert_same(*losses)
    assert_same(head.state_dict(), resumed.state_dict())


def test_a_random_draw_is_of_what_is_stored():
    head = build(strategy='random', replay_per_class=1, bank=dict(capacity=3, target_classes=[1]))
    run(head, [([1, 1, 1], 2)])
    state = copy.deepcopy(head.state_dict())
    seen = set()
    for seed in range(20):
        head.load_state_dict(state)
        torch.manual_seed(seed)
        seen.add(round(run(head, [([1], 1)], 1)[0]['loss_cls'].item(), 10))
    assert len(seen) == 3


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_a_half_precision_bank_is_close(dtype):
    plain, half = build(), build(bank={**BANK, 'dtype': dtype}).float()
    half.bank.features = half.bank.features.to(getattr(torch, dtype))
    plain.float()
    for each in (plain, half):
        each.bank.push(
            torch.rand(3, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 3, 3]), torch.ones(3, 4)
        )
    images = images_of(STEPS[1], 0)
    losses = []
    for each in (plain, half):
        cls_score, bbox_pred = each(torch.ones(3, 2, 3, 3))
        losses.append(
            each.loss_and_target(cls_score, bbox_pred, bbox2roi([torch.zeros(3, 4)]), images, CFG)['loss_bbox']
        )
    torch.testing.assert_close(*losses, rtol=1e-2, atol=1e-2, check_dtype=False)
    assert half.bank.features.dtype == getattr(torch, dtype)


@pytest.mark.parametrize('predictor', ['Linear', 'CosineLinear'])
def test_under_autocast_it_is_close(predictor):
    head = build(cls_predictor_cfg=dict(type=predictor)).float()
    mixed = copy.deepcopy(head)
    for step in STEPS:
        rois = bbox2roi([torch.zeros(len(labels) + background, 4) for labels, background in step])
        x = torch.randn(len(rois), 2, 3, 3, generator=torch.Generator().manual_seed(0))
        plain = head.loss_and_target(*head(x), rois, images_of(step, 0), CFG)['loss_bbox']
        with torch.autocast('cpu', dtype=torch.bfloat16):
            losses = mixed.loss_and_target(*mixed(x), rois, images_of(step, 0), CFG)['loss_bbox']
        for key in ('loss_cls', 'loss_bbox'):
            torch.testing.assert_close(losses[key].double(), plain[key].double(), rtol=0.05, atol=0.05)
        backward(mixed, losses)


def test_a_replayed_row_weighs_what_a_foreground_roi_does():
    head, weighted = build(), build()
    for each in (head, weighted):
        run(each, STEPS[0])
    step = [([1, 3], 0)]  # foreground only: then a weight scales the whole loss
    one, _ = run(head, step, 1)
    three, _ = run(weighted, step, 1, ConfigDict(pos_weight=3))
    torch.testing.assert_close(three['loss_cls'], 3 * one['loss_cls'])
    torch.testing.assert_close(three['loss_bbox'], one['loss_bbox'])


@pytest.mark.parametrize('arguments', [dict(with_reg=False), dict(reg_decoded_bbox=True, replay_reg=False)], ids=str)
def test_heads_that_replay_the_classifier_alone(arguments):
    head = build(**arguments)
    for seed, step in enumerate(STEPS):
        losses, _ = run(head, step, seed)
        assert ('loss_bbox' in losses) == arguments.get('with_reg', True)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(replay_per_class=0), 'replay_per_class=0'),
        (dict(strategy='oldest'), "strategy='oldest'"),
        (dict(num_cls_fcs=1), "'num_cls_fcs': 1"),
        (dict(num_shared_fcs=0, num_reg_convs=1), "'num_reg_convs': 1"),
        (dict(with_cls=False), 'with_cls=False'),
        (dict(reg_decoded_bbox=True), r'set replay_reg=False, or reg_decoded_bbox=False \(found True\)'),
        (dict(loss_bbox=dict(type='L1Loss', reduction='sum')), 'loss_bbox.reduction="mean"'),
        (dict(bank=dict(capacity=0)), 'capacity=0'),
    ],
    ids=str,
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)
    if not {'bank', 'replay_per_class'} & set(arguments):
        build(**arguments, replay=False)


def test_mistakes_of_a_step_are_named():
    with pytest.raises(RuntimeError, match='FeatureBank has no target classes: add dict'):
        run(build(bank={}), STEPS[0])
    head, images = build(), images_of([([1], 1)], 0)
    cls_score, bbox_pred = head(torch.zeros(2, 2, 3, 3, dtype=torch.float64))
    with pytest.raises(RuntimeError, match=r'cls_score of shape \(2, 6\) carries no RoI features'):
        head.loss_and_target(cls_score * 1, bbox_pred, torch.zeros(2, 5), images, CFG)
    with pytest.raises(ValueError, match="reduction_override='sum'; it can replay only"):
        head.loss_and_target(cls_score, bbox_pred, torch.zeros(2, 5), images, CFG, reduction_override='sum')
