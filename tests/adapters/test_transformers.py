"""The DETR family of transformers, built with random weights."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from longtail_det.adapters import transformers_dense_loss
from longtail_det.losses import EFL, EQFL, EQL, SeesawLoss

from .laws import moved, train_dense

transformers = pytest.importorskip(
    'transformers', reason='needs transformers: pip install transformers (docs/adapters.md)'
)

from .detrs import LAYERS, MODELS, NUM_CLASSES  # noqa: E402  (it needs transformers)

STATISTICS = dict(image_count=[1, 5, 50, 60, 70], instance_count=[100] * 5, num_images=100)
LABELS = [
    dict(class_labels=torch.tensor([0, 3]), boxes=torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.2, 0.4]])),
    dict(class_labels=torch.tensor([4]), boxes=torch.tensor([[0.6, 0.4, 0.3, 0.2]])),
]


CLASSIFIERS = {'class_embed', 'class_labels_classifier'}


def make_model(name, seed=0):
    torch.manual_seed(seed)
    return MODELS[name]().train()


def run(model, seed=5):
    torch.manual_seed(seed)  # denoising queries are drawn
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return model(pixel_values=pixels, labels=LABELS)


def is_ours(key):
    return key.startswith(('loss_ce', 'loss_mal', 'loss_vfl'))


def test_a_balanced_efl_is_deformable_detrs_focal_loss():
    plain, ours = (make_model('DeformableDetr') for _ in range(2))
    transformers_dense_loss(ours, EFL(NUM_CLASSES, scale=0.0))
    expected, found = run(plain), run(ours)
    torch.testing.assert_close(found.loss_dict, expected.loss_dict)
    expected.loss.backward()
    found.loss.backward()
    for theirs, other in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(other.grad, theirs.grad)


@pytest.mark.parametrize('name', MODELS)
def test_all_but_the_classification_is_the_hosts(name):
    expected = run(make_model(name)).loss_dict
    found = run(transformers_dense_loss(make_model(name), EQFL(NUM_CLASSES))).loss_dict
    assert found.keys() == expected.keys()
    ours = [key for key in expected if is_ours(key)]
    assert len(ours) >= 2, 'auxiliary layers too'
    for key in expected:
        same = torch.allclose(found[key], expected[key])
        assert same == (key not in ours), key


def test_a_balanced_eqfl_is_the_quality_focal_loss_of_rt_detrs_iou_targets():
    """The target scores are those of the host: its own varifocal loss with another weight, |q - p|^2."""
    from transformers.loss import loss_rt_detr

    entropy = F.binary_cross_entropy_with_logits

    def quality_focal(logits, score, weight, reduction):
        return (score - logits.sigmoid()).abs() ** 2 * entropy(logits, score, reduction='none')

    functions = SimpleNamespace(**{**vars(F), 'binary_cross_entropy_with_logits': quality_focal})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loss_rt_detr, 'F', functions)
        expected = run(make_model('RTDetr')).loss_dict
    found = run(transformers_dense_loss(make_model('RTDetr'), EQFL(NUM_CLASSES, scale=0.0))).loss_dict
    torch.testing.assert_close(found, expected)


TRAINED = [(name, EQFL) for name in MODELS]
TRAINED += [(name, kind) for name in ('RTDetr', 'DeformableDetr') for kind in (EFL, EQL)]


@pytest.mark.parametrize(('name', 'kind'), TRAINED)
def test_dense_losses_train(name, kind):
    options = dict(class_statistics=STATISTICS, lambda_=0.1) if kind is EQL else {}
    loss = kind(NUM_CLASSES, **options)
    model = transformers_dense_loss(make_model(name), loss)
    for parameter_name, parameter in model.named_parameters():  # boxes, and so target scores, stand still
        parameter.requires_grad_(not CLASSIFIERS.isdisjoint(parameter_name.split('.')))

    def loss_of():
        return sum(value for key, value in run(model).loss_dict.items() if is_ours(key))

    train_dense(model, loss, loss_of, lr=3e-3)


def test_the_state_is_in_the_checkpoint(tmp_path):
    model = transformers_dense_loss(make_model('DeformableDetr'), EFL(NUM_CLASSES))
    run(model)
    state = model._loss_function.long_tail_loss.neg_grad.clone()
    assert moved(state)
    model.eval()
    run(model)
    assert torch.equal(model._loss_function.long_tail_loss.neg_grad, state), 'a test counts nothing'
    model.save_pretrained(tmp_path)
    other = type(model).from_pretrained(tmp_path)
    torch.testing.assert_close(run(other.eval()).logits, run(model).logits)
    transformers_dense_loss(other, EFL(NUM_CLASSES)).load_state_dict(model.state_dict())
    assert torch.equal(other._loss_function.long_tail_loss.neg_grad, state)


def test_a_copy_has_a_state_of_its_own_and_other_models_are_not_changed():
    model = transformers_dense_loss(make_model('RTDetr'), EFL(NUM_CLASSES))
    other = copy.deepcopy(model)
    run(other)
    assert moved(other._loss_function.long_tail_loss.neg_grad)
    assert not moved(model._loss_function.long_tail_loss.neg_grad)
    assert 'long_tail_loss' not in str(make_model('RTDetr'))


def test_a_second_loss_takes_the_place_of_the_first():
    model = transformers_dense_loss(make_model('DeformableDetr'), EFL(NUM_CLASSES))
    transformers_dense_loss(model, EFL(NUM_CLASSES, scale=0.0))
    torch.testing.assert_close(run(model).loss, run(make_model('DeformableDetr')).loss)


def test_every_host_has_the_criterion_that_is_replaced():
    from transformers.loss.loss_utils import LOSS_MAPPING

    from longtail_det.adapters.transformers import HOSTS

    here = {name: criterion for name, criterion in HOSTS.items() if hasattr(transformers, name)}
    assert here.keys() == {f'{name}ForObjectDetection' for name in MODELS}
    for name, criterion in here.items():
        function = LOSS_MAPPING[name]
        assert criterion in function.__code__.co_names, name
        assert hasattr(function.__globals__[criterion], 'get_loss')


def test_a_detr_with_a_softmax_is_refused():
    config = transformers.DetrConfig(
        backbone_config=transformers.ResNetConfig(**LAYERS, out_features=['stage4']), d_model=16, encoder_layers=1,
        decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, num_queries=3, backbone=None,
        use_timm_backbone=False, use_pretrained_backbone=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match='DetrForObjectDetection is not supported; expected one of Conditional'):
        transformers_dense_loss(transformers.DetrForObjectDetection(config), EFL(NUM_CLASSES))


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        (EFL(NUM_CLASSES + 1), 'EFL has num_classes=6, the model num_labels=5; make them equal'),
        (SeesawLoss(num_classes=NUM_CLASSES), 'SeesawLoss is no loss of C sigmoids'),
    ],
)
def test_mistakes_are_one_line(loss, message):
    with pytest.raises(ValueError, match=message):
        transformers_dense_loss(make_model('RTDetr'), loss)
