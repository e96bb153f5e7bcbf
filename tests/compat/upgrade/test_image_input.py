from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from longtail_det.compat.upgrade import ImageInput, fold_input

BGR = ImageInput((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), is_rgb=False)
STDS = st.lists(st.floats(0.5, 90), min_size=3, max_size=3)


def seen(image: torch.Tensor, how: ImageInput) -> torch.Tensor:
    """A BGR image as the model gets it."""
    image = image.flip(0) if how.is_rgb else image
    mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (how.mean, how.std))
    return ((image - mean) / std)[None]


@settings(max_examples=25)
@given(source_std=STDS, target_std=STDS, flip=st.booleans(), seed=st.integers(0, 99))
def test_the_convolution_answers_the_same_on_the_other_images(source_std, target_std, flip, seed):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, 9, 7), generator=generator).double()
    weight = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    source = ImageInput(BGR.mean, source_std, is_rgb=False)
    target = ImageInput(BGR.mean[::-1] if flip else BGR.mean, target_std, is_rgb=flip)
    # zeros around the image: the border is compared too
    expected = conv2d(seen(image, source), weight, padding=1)
    found = conv2d(seen(image, target), fold_input(weight, source, target), padding=1)
    torch.testing.assert_close(found, expected)


def test_the_same_images_change_nothing():
    weight = torch.randn(2, 3, 7, 7)
    assert torch.equal(fold_input(weight, BGR, BGR), weight)


def test_there_and_back_is_the_identity():
    rgb = ImageInput(BGR.mean[::-1], (58.395, 57.12, 57.375), is_rgb=True)
    weight = torch.randn(2, 3, 7, 7)
    torch.testing.assert_close(fold_input(fold_input(weight, BGR, rgb), rgb, BGR), weight)


def test_another_mean_is_refused_in_the_order_of_the_config():
    target = ImageInput((127.5, 127.5, 127.5), (1.0, 1.0, 1.0), is_rgb=True)
    with pytest.raises(ValueError, match=r'set model\.data_preprocessor\.mean=\[123\.675, 116\.28, 103\.53\]'):
        fold_input(torch.zeros(1, 3, 1, 1), BGR, target)


@pytest.mark.parametrize('shape', [(4, 1, 3, 3), (4, 3)])
def test_a_convolution_of_other_channels_is_refused(shape):
    with pytest.raises(ValueError, match='expected \\(channels, 3, height, width\\)'):
        fold_input(torch.zeros(shape), BGR, BGR)
