"""The command counts what the dataset shows, and answers mistakes with one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from longtail_det.cli import plot_class_frequency as plot
from longtail_det.datasets import LVISDataset, RepeatFactorDataset

# class 0 on 60 images, class 1 on 8 of these, class 2 twice on one image; image 60 shows nothing
LABELS = [[0, 1] if i % 8 == 0 else [0] for i in range(60)] + [[]] + [[2, 2]]


@pytest.fixture
def ann(tmp_path) -> str:
    pairs = [(image, label) for image, labels in enumerate(LABELS) for label in labels]
    square = [[2.0, 2.0, 8.0, 2.0, 8.0, 8.0]]
    annotations = [
        {'id': i, 'image_id': image, 'category_id': label + 1, 'bbox': [2, 2, 6, 6], 'area': 18, 'segmentation': square}
        for i, (image, label) in enumerate(pairs, start=1)
    ]
    annotations.append({**annotations[0], 'id': 900, 'image_id': 60, 'iscrowd': 1})
    np.random.default_rng(0).shuffle(annotations)
    records = {
        'images': [{'id': i, 'file_name': f'{i}.png', 'height': 10, 'width': 10} for i in range(len(LABELS))],
        'annotations': annotations,
        'categories': [{'id': c + 1, 'name': name} for c, name in enumerate('abc')],
    }
    (tmp_path / '0.png').touch()
    (tmp_path / 'train.json').write_text(json.dumps(records))
    return str(tmp_path / 'train.json')


@pytest.mark.parametrize('mode', ['image', 'instance'])
def test_the_epoch_is_that_of_the_wrapped_dataset(mode, ann):
    args = plot.build_parser().parse_args(['--ann', ann, '--out', 'x.png', '--oversample-thr', '0.2', '--mode', mode])
    stats, epoch, samples = plot.resample(*plot.read_labels(ann), args)
    keep = [i for i, labels in enumerate(LABELS) if labels]
    dataset = LVISDataset(ann, data_root=str(Path(ann).parent), indices=keep)
    assert stats == dataset.class_statistics
    resampled = RepeatFactorDataset(dataset, 0.2, mode=mode)
    shown = [resampled.get_cat_ids(i) for i in range(len(resampled))]
    assert epoch.length == len(shown) > len(keep)
    assert epoch.images.tolist() == [sum(c in labels for labels in shown) for c in range(3)]
    assert epoch.instances.tolist() == [sum(labels.count(c) for labels in shown) for c in range(3)]
    assert samples is None


def test_replay_adds_features_of_the_target_classes_alone(ann):
    options = ['--ann', ann, '--out', 'x.png', '--oversample-thr', '0', '--rio-replay', '20', '--images-per-step', '1']
    _, _, samples = plot.resample(*plot.read_labels(ann), plot.build_parser().parse_args(options))
    # without repeats and with one image a step, every image of a target class replays 20
    np.testing.assert_allclose(samples, [60, 8 + 8 * 20, 2 + 1 * 20])


def test_it_writes_a_figure_and_sums_by_group(ann, tmp_path, capsys):
    out = tmp_path / 'new' / 'freq.png'
    assert plot.main(['--ann', ann, '--out', str(out), '--oversample-thr', '0', '--rio-replay', '20']) == 0
    assert out.read_bytes().startswith(b'\x89PNG')
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows['rare'][:5] == ['2', '9', '9', '10', '10']
    assert rows['common'] == ['1', '60', '60', '60', '60', '60']
    assert rows['frequent'] == ['0', '0', '0', '0', '0', '0']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--ann', 'nowhere.json'], 'nowhere.json'),
        (['--oversample-thr', '100'], 'found 100, expected a finite number'),
        (['--rio-replay', '-3'], '--rio-replay: found -3, expected a whole number'),
        (['--mode', 'pixel'], "invalid choice: 'pixel'"),
        (['--rio-replay', 'x'], '--rio-replay: found x, expected a whole number'),
        (['--rio-replay', '20', '--images-per-step', '0'], '--images-per-step: found 0, expected a whole number'),
    ],
)
def test_a_mistake_is_one_line(options, message, ann, tmp_path, capsys):
    assert plot.main(['--ann', ann, '--out', str(tmp_path / 'x.png'), *options]) == 2
    error = capsys.readouterr().err.split('\r')[-1].strip().splitlines()[-1]
    assert ': error: ' in error
    assert message in error
    assert not (tmp_path / 'x.png').exists()


def test_a_file_without_instances_is_named(ann, tmp_path, capsys):
    records = json.loads(Path(ann).read_text())
    records['annotations'] = []
    Path(ann).write_text(json.dumps(records))
    assert plot.main(['--ann', ann, '--out', str(tmp_path / 'x.png')]) == 2
    assert 'there is no instance' in capsys.readouterr().err
