"""browse: samples as the training gets them, whatever wraps the dataset, the rarest classes first."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import PolygonMasks
from mmengine.config import Config
from mmengine.structures import InstanceData

from longtail_det import cli
from longtail_det.cli.browse_run import choose_samples, drawn_sample
from longtail_det.datasets.masks import DeferredMasks
from longtail_det.sampling import ImageLabels

from .conftest import ROOT
from .tiny_detector import make_detector


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return make_detector(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def browse(workplace):
    return lambda *argv: cli.main(['browse', *map(str, argv), '--out', 'out'])


@given(st.lists(st.sets(st.integers(0, 4)), max_size=12), st.integers(1, 12), st.data())
def test_classes_take_turns_and_no_image_comes_twice(labels, count, data):
    images = [data.draw(st.integers(0, 3)) for _ in labels] if data.draw(st.booleans()) else list(range(len(labels)))
    samples = ImageLabels.flatten([sorted(each) for each in labels], num_classes=5)
    order = [3, 0, 4]
    chosen = list(choose_samples(samples, order, count, np.random.default_rng(0), images.__getitem__))
    assert all(label in labels[sample] and label in order for label, sample in chosen)
    shown = [images[sample] for _, sample in chosen]
    assert len(set(shown)) == len(shown) <= count
    # nothing is left that could still be shown
    left = {image for image, each in zip(images, labels, strict=True) if each & set(order)} - set(shown)
    assert len(shown) == count or not left
    first_turn = [label for label, _ in chosen][: len({label for label, _ in chosen})]
    assert first_turn == [label for label in order if label in first_turn]


def images_of(page: str) -> list[str]:
    return re.findall(r'<figcaption>(\w+)', page)


@pytest.mark.parametrize('name', ['ce_rfs', 'rio_rfs', 'ce-copy-paste_rfs', 'ce_rfs-stochastic', 'crt_class-aware'])
def test_every_way_of_resampling_can_be_looked_at(tiny, browse, workplace, name):
    config = ROOT / 'configs' / 'glyphs' / f'mask-rcnn_r18_fpn_{name}-ss-600i_glyphs.py'
    dataset = Config.fromfile(config).train_dataloader.dataset
    key = 'train_dataloader.dataset.dataset.data_root' if 'dataset' in dataset else 'train_dataloader.dataset.data_root'
    assert browse(config, '--num', 3, '--cfg-options', f'{key}={tiny.data}/') == 0
    assert len(list((workplace / 'out').glob('*.png'))) == 3
    page = (workplace / 'out' / 'index.html').read_text()
    counts = [int(count) for count in re.findall(r'on (\d+) training images', page)]
    assert counts == sorted(counts)


@pytest.mark.parametrize('wrapper', ["type='RepeatDataset', times=2", "type='MultiImageMixDataset', pipeline=[]"])
def test_wrappers_of_mmdet_that_do_not_tell_labels_are_read_item_by_item(tiny, browse, workplace, wrapper):
    inner = Config.fromfile(tiny.config).train_dataloader.dataset.dataset.to_dict()
    config = workplace / 'wrapped.py'
    config.write_text(
        f'_base_ = {str(tiny.config)!r}\n'
        f'train_dataloader = dict(dataset=dict(_delete_=True, {wrapper}, dataset={inner!r}))\n'
    )
    assert browse(config, '--num', 3, '--classes', 'rare') == 0
    paths = re.findall(r'instances[^;]*; (\S+)</p>', (workplace / 'out' / 'index.html').read_text())
    assert len(set(paths)) == len(paths) == 3


def test_the_page_says_what_is_on_the_samples(tiny, browse, workplace):
    assert browse(tiny.config, '--num', 4, '--classes', 'rare') == 0
    built = DATASETS.build(Config.fromfile(tiny.config).train_dataloader.dataset)
    rare = [name for name, group in zip(built.metainfo['classes'], built.class_statistics.frequency, strict=True)
            if group == 'r']  # fmt: skip
    page = (workplace / 'out' / 'index.html').read_text()
    assert set(images_of(page)) <= set(rare)
    assert len(re.findall(r'<span class="r">', page)) >= 4


def test_a_seed_gives_the_same_samples_again(tiny, browse, workplace):
    pages = []
    for seed in (1, 1, 2):
        assert browse(tiny.config, '--num', 3, '--seed', seed) == 0
        pages.append(re.findall(r'<figure>.*', (workplace / 'out' / 'index.html').read_text()))
    assert pages[0] == pages[1] != pages[2]


@pytest.mark.parametrize('kind', ['deferred', 'polygons', 'none'])
def test_masks_of_any_kind_are_pixels_of_the_image_alone_when_drawn(kind):
    polygon = [np.array([1.0, 1, 5, 1, 5, 4, 1, 4])]
    masks = {'deferred': DeferredMasks([polygon], 8, 10), 'polygons': PolygonMasks([polygon], 8, 10)}
    fields = {'masks': masks[kind]} if kind != 'none' else {}
    sample = DetDataSample()
    for name, count in (('gt_instances', 1), ('ignored_instances', 1)):
        boxes = HorizontalBoxes(torch.tensor([[1.0, 1, 5, 4]]))
        sample.set_field(InstanceData(bboxes=boxes, labels=torch.full((count,), 1), **fields), name)
    drawn = drawn_sample(sample, ['ant', 'bee'], ['r', 'f'])
    assert list(drawn.names) == ['bee', 'bee, ignored']
    assert list(drawn.groups) == ['f', '']
    assert drawn.boxes.tolist() == [[1, 1, 5, 4]] * 2
    if kind == 'none':
        assert drawn.masks is None
    else:
        assert drawn.masks.shape == (2, 8, 10)
        assert drawn.masks[0, 1:4, 1:5].all()
        assert drawn.masks[0].sum() == 12
        assert kind != 'deferred' or type(sample.gt_instances.masks) is DeferredMasks  # still without pixels


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['none.py'], 'config file not found: none.py'),
        (['{config}', '--classes', 'xyzzy'], '--classes xyzzy: no such class or group'),
        (['{config}', '--num', '0'], 'found 0, expected'),
        (['{config}', '--cfg-options', 'train_dataloader=None'], 'the config has no train_dataloader'),
        (['{config}', '--cfg-options', 'train_dataloader.dataset.dataset.data_root=gone/'], 'gone/'),
    ],
)
def test_a_mistake_is_one_line(tiny, browse, capsys, argv, message):
    assert browse(*(each.format(config=tiny.config) for each in argv)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if 'browse: error: ' in line]
    assert len(lines) == 1
    assert message in lines[0]
