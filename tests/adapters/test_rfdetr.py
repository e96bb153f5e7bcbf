"""RF-DETR, built with random weights."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from longtail_det.adapters import rfdetr_dense_loss
from longtail_det.adapters.dense import box_iou_of_pairs
from longtail_det.losses import EFL, EQFL, FedLoss, SeesawLoss

from .laws import moved, train_dense

pytest.importorskip('rfdetr', reason='needs rfdetr: pip install rfdetr (docs/adapters.md)')

DATA_CLASSES = 5
NUM_CLASSES = DATA_CLASSES + 1
STATISTICS = dict(image_count=[1, 5, 50, 60, 70, 0], instance_count=[100] * 5 + [0], num_images=100)
TARGETS = [
    dict(labels=torch.tensor([0, 3]), boxes=torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.4]])),
    dict(labels=torch.tensor([4]), boxes=torch.tensor([[0.6, 0.4, 0.3, 0.2]])),
]


def configs(tmp_path):
    from rfdetr.config import RFDETRNanoConfig, TrainConfig

    model = RFDETRNanoConfig(
        num_classes=DATA_CLASSES, pretrain_weights=None, device='cpu', num_queries=10, num_select=10, dec_layers=2,
        group_detr=2, resolution=64, positional_encoding_size=4,
    )  # fmt: skip
    return model, TrainConfig(dataset_dir=str(tmp_path), output_dir=str(tmp_path))


@pytest.fixture(scope='module')
def host(tmp_path_factory):
    from rfdetr.models.lwdetr import build_criterion_from_config, build_model_from_config

    torch.manual_seed(0)
    both = configs(tmp_path_factory.mktemp('rfdetr'))
    model = build_model_from_config(*both).train()
    return model, lambda: build_criterion_from_config(*both)[0].train()


@pytest.fixture
def make_criterion(host):
    return host[1]


@pytest.fixture(scope='module')
def outputs(host):
    from rfdetr.utilities.tensors import NestedTensor

    model, _ = host
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(2)
    with torch.no_grad():
        return model(NestedTensor(images, torch.zeros(2, 64, 64, dtype=torch.bool)))


def test_all_but_the_classification_is_the_hosts(make_criterion, outputs):
    expected = make_criterion()(outputs, TARGETS)
    found = rfdetr_dense_loss(make_criterion(), EQFL(NUM_CLASSES))(outputs, TARGETS)
    theirs = [key for key in expected if 'loss_ce' not in key and key != 'class_error']
    assert len(theirs) == 9
    for key in theirs:
        torch.testing.assert_close(found[key], expected[key])
    assert {key for key in found if 'loss_ce' in key} == {'loss_ce', 'loss_ce_0', 'loss_ce_enc'}


def test_a_balanced_efl_is_the_hosts_focal_loss(make_criterion, outputs):
    plain = make_criterion()
    plain.ia_bce_loss = False  # the criterion then computes the focal loss
    expected = plain(outputs, TARGETS)
    found = rfdetr_dense_loss(make_criterion(), EFL(NUM_CLASSES, scale=0.0))(outputs, TARGETS)
    for key in found:
        torch.testing.assert_close(found[key], expected[key])


def test_the_quality_is_the_iou_of_the_matched_query(make_criterion, outputs):
    seen = []

    class Watching(EQFL):
        def forward(self, pred, target, **options):
            seen.append(target)
            return super().forward(pred, target, **options)

    criterion = rfdetr_dense_loss(make_criterion(), Watching(NUM_CLASSES))
    criterion(outputs, TARGETS)
    labels, quality = seen[0]
    (images, queries), matched = (labels.view(2, -1) < NUM_CLASSES).nonzero().T, labels[labels < NUM_CLASSES]
    assert sorted(matched.tolist()) == sorted([0, 3, 4] * criterion.group_detr)
    boxes = {0: TARGETS[0]['boxes'][0], 3: TARGETS[0]['boxes'][1], 4: TARGETS[1]['boxes'][0]}
    objects = torch.stack([boxes[label] for label in matched.tolist()])
    expected = box_iou_of_pairs(outputs['pred_boxes'][images, queries], objects)
    torch.testing.assert_close(quality[labels < NUM_CLASSES], expected)
    assert not quality[labels == NUM_CLASSES].any()


@pytest.mark.parametrize('kind', [EFL, EQFL, FedLoss])
def test_dense_losses_train(make_criterion, outputs, kind):
    options = dict(class_statistics=STATISTICS, num_sampled=4) if kind is FedLoss else {}
    loss = kind(NUM_CLASSES, **options)
    criterion = rfdetr_dense_loss(make_criterion(), loss)
    head = torch.nn.ParameterDict(dict(logits=outputs['pred_logits'].clone()))

    def loss_of():
        found = criterion({**outputs, 'pred_logits': head['logits']}, TARGETS)
        return sum(found[key] * weight for key, weight in criterion.weight_dict.items() if 'loss_ce' in key)

    train_dense(head, loss, loss_of, lr=0.1)


def test_gradients_reach_the_model(host, make_criterion):
    from rfdetr.utilities.tensors import NestedTensor

    model, _ = host
    criterion = rfdetr_dense_loss(make_criterion(), EQFL(NUM_CLASSES))
    images = NestedTensor(torch.rand(2, 3, 64, 64), torch.zeros(2, 64, 64, dtype=torch.bool))
    criterion(model(images), TARGETS)['loss_ce'].backward()
    assert model.class_embed.weight.grad.abs().sum() > 0
    model.zero_grad()


def test_the_state_is_in_the_checkpoint_and_a_copy_has_its_own(make_criterion, outputs):
    criterion = rfdetr_dense_loss(make_criterion(), EFL(NUM_CLASSES))
    copies = [copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))]
    criterion(outputs, TARGETS)
    state = criterion.long_tail_loss.neg_grad
    assert moved(state)
    for other in copies:
        assert not moved(other.long_tail_loss.neg_grad)
        other.load_state_dict(criterion.state_dict())
        torch.testing.assert_close(other(outputs, TARGETS), criterion(outputs, TARGETS))


def test_the_fused_path_of_compiled_models_is_not_taken(make_criterion, outputs):
    criterion = rfdetr_dense_loss(make_criterion(), EFL(NUM_CLASSES))
    criterion.enable_compiled_detection_losses()
    assert not criterion._can_batch_detection_losses([outputs, outputs], [None, None])


def test_the_lightning_module_trains_with_it(tmp_path):
    pytest.importorskip('pytorch_lightning', reason='needs pytorch_lightning: pip install "rfdetr[train]"')
    from rfdetr.training import RFDETRModelModule

    module = RFDETRModelModule(*configs(tmp_path))
    rfdetr_dense_loss(module.criterion, EFL(num_classes=module.criterion.num_classes))
    assert 'criterion.long_tail_loss.neg_grad' in module.state_dict()


def test_padded_targets_are_refused(make_criterion, outputs):
    criterion = rfdetr_dense_loss(make_criterion(), EFL(NUM_CLASSES))
    padded = [{**TARGETS[0], 'valid': torch.ones(2, dtype=torch.bool)}] * 2
    with pytest.raises(ValueError, match='padded to a fixed size; expected pad_targets_to=None'):
        criterion(outputs, padded)


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        (EFL(DATA_CLASSES), r'EFL has num_classes=5, the criterion 6 \(one more than the data set\); make them equal'),
        (SeesawLoss(num_classes=NUM_CLASSES), 'SeesawLoss is no loss of C sigmoids'),
    ],
)
def test_mistakes_are_one_line(make_criterion, loss, message):
    with pytest.raises(ValueError, match=message):
        rfdetr_dense_loss(make_criterion(), loss)
