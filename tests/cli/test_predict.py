"""predict: what it finds is what mmdet's own interfaces find with the same checkpoint, in files that are read here."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector

from longtail_det import cli
from longtail_det.evaluation import read_results

from .tiny_detector import make_detector


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return make_detector(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def predict(tiny, workplace):
    def predict(*argv, out='out', checkpoint=tiny.checkpoint, config=tiny.config):
        options = ['--config', config, '--checkpoint', checkpoint, '--out', out]
        return cli.main(['predict', *map(str, [*argv, *options])])

    return predict


def records(path) -> list:
    return json.loads((path / 'results.json').read_text())


def of_image(found, img_id):
    return [each for each in found if each['image_id'] == img_id]


def assert_same(found, labels, scores, boxes, masks, category_ids):
    """Compare the records of an image with (x1, y1, x2, y2) boxes and (n, H, W) masks."""
    assert len(found) == len(labels) > 0
    assert [each['category_id'] for each in found] == [category_ids[label] for label in labels]
    np.testing.assert_allclose([each['score'] for each in found], scores, rtol=1e-6)
    boxes = np.array(boxes, dtype=np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    np.testing.assert_allclose([each['bbox'] for each in found], boxes, rtol=1e-5)
    for each, mask in zip(found, masks, strict=True):
        assert (mask_utils.decode(each['segmentation']) == np.asarray(mask)).all()


@pytest.fixture
def category_ids(tiny):
    gt = json.loads((tiny.data / 'annotations' / 'glyphs_val.json').read_text())
    return sorted(category['id'] for category in gt['categories'])


def test_mmdets_inference_detector_finds_the_same(tiny, predict, workplace, category_ids):
    assert predict(*tiny.images[:2], '--no-drawings') == 0
    found = records(workplace / 'out')
    model = init_detector(str(tiny.config), str(tiny.checkpoint), device='cpu')
    for read in (str, lambda path: cv2.imread(str(path))):  # arrays last: mmdet keeps its pipeline of them
        for path in tiny.images[:2]:
            expected = inference_detector(model, read(path)).pred_instances
            values = expected.labels.tolist(), expected.scores, expected.bboxes, expected.masks.numpy()
            assert_same(of_image(found, int(path.stem)), *values, category_ids)


def test_mmdets_inferencer_finds_the_same_and_draws(tiny, predict, workplace, category_ids):
    paths = [str(path) for path in tiny.images[:2]]
    assert predict(*paths, '--no-drawings', '--batch-size', 2) == 0
    inferencer = DetInferencer(str(tiny.config), str(tiny.checkpoint), device='cpu', show_progress=False)
    answer = inferencer(paths, out_dir=str(workplace / 'mmdet'), no_save_pred=False, pred_score_thr=0.0)
    for path, expected in zip(tiny.images, answer['predictions'], strict=False):
        masks = mask_utils.decode(expected['masks']).transpose(2, 0, 1)
        values = expected['labels'], expected['scores'], expected['bboxes'], masks
        assert_same(of_image(records(workplace / 'out'), int(path.stem)), *values, category_ids)
        assert (workplace / 'mmdet' / 'vis' / path.name).is_file()
        assert json.loads((workplace / 'mmdet' / 'preds' / f'{path.stem}.json').read_text()) == expected


def test_a_checkpoint_runs_in_mmdet_where_the_data_are_not(tiny, tmp_path):
    config = tmp_path / 'moved.py'
    config.write_text(tiny.config.read_text().replace(str(tiny.data), str(tmp_path / 'gone')))
    image, answers = str(tiny.images[0]), []
    for path in (tiny.config, config):
        inferencer = DetInferencer(str(path), str(tiny.checkpoint), device='cpu', show_progress=False)
        answers.append(inferencer(image)['predictions'][0])
        model = init_detector(str(path), str(tiny.checkpoint), device='cpu')
        assert inference_detector(model, image).pred_instances.labels.tolist() == answers[0]['labels']
    assert answers[0] == answers[1]


def test_the_files_belong_together(tiny, predict, workplace, capsys):
    images = tiny.images[:3]
    assert predict(*images, '--score-thr', 0) == 0
    listed = json.loads((workplace / 'out' / 'images.json').read_text())
    assert [image['id'] for image in listed['images']] == [int(path.stem) for path in images]
    assert [image['file_name'] for image in listed['images']] == list(map(str, images))
    names = sorted(path.stem for path in (workplace / 'out' / 'drawings').iterdir())
    assert names == [path.stem for path in images]
    page = (workplace / 'out' / 'index.html').read_text()
    assert all(f'src="drawings/{name}.png"' in page for name in names)
    gt = tiny.data / 'annotations' / 'glyphs_val.json'
    assert len(read_results(workplace / 'out' / 'results.json', ['bbox', 'segm'])) == len(records(workplace / 'out'))
    assert cli.main(['eval', '--ann', str(gt), '--results', 'out/results.json', '--metric', 'bbox', 'segm']) == 0
    printed = capsys.readouterr()
    assert f'{len(names)} drawings: out/index.html' in printed.out
    assert f'ids of images and categories: those of {gt}' in printed.err


def test_images_that_no_dataset_lists_are_counted_on(tiny, predict, workplace):
    (workplace / 'own').mkdir()
    (workplace / 'own' / 'a.jpg').write_bytes(tiny.images[0].read_bytes())
    assert predict('own/*.jpg', tiny.images[-1], '--no-drawings') == 0
    ids = [image['id'] for image in json.loads((workplace / 'out' / 'images.json').read_text())['images']]
    assert ids == [max(int(path.stem) for path in tiny.images) + 1, int(tiny.images[-1].stem)]


@pytest.mark.parametrize('source', ['checkpoint', 'ann', 'config'])
def test_rare_is_what_the_training_set_says(tiny, predict, workplace, source):
    weights = torch.load(tiny.checkpoint)
    counts = weights['meta'].pop('class_statistics')
    torch.save(weights, workplace / 'bare.pth')
    (workplace / 'counts.json').write_text(json.dumps(counts))
    options = ['--ann', 'counts.json'] if source == 'ann' else []
    checkpoint = tiny.checkpoint if source == 'checkpoint' else workplace / 'bare.pth'
    assert predict(tiny.images[0], '--no-drawings', out='all') == 0
    assert predict(tiny.images[0], '--classes', 'rare', *options, '--score-thr', 0, checkpoint=checkpoint) == 0
    gt = json.loads((tiny.data / 'annotations' / 'glyphs_val.json').read_text())
    rare = {category['id'] for category in gt['categories'] if category['frequency'] == 'r'}
    wanted = [each for each in records(workplace / 'all') if each['category_id'] in rare]
    assert records(workplace / 'out') == wanted
    assert 0 < len(wanted) < len(records(workplace / 'all'))


def test_a_checkpoint_of_a_training_knows_its_classes_and_groups(tiny, predict, run, workplace, capsys):
    loaders = [f'{name}_dataloader.{option}' for name in ('train', 'val') for option in ('num_workers=0',
               'persistent_workers=False')]  # fmt: skip
    options = ['train_cfg.max_iters=1', 'train_cfg.val_interval=9', 'train_dataloader.batch_size=1', *loaders]
    assert run('train', tiny.config, '--work-dir', 'trained', '--cfg-options', *options) == 0
    assert predict(tiny.images[0], '--no-drawings', checkpoint=workplace / 'trained' / 'iter_1.pth') == 0
    assert 'groups of the 12 classes: the checkpoint' in capsys.readouterr().err
    trained, expected = (torch.load(path)['meta'] for path in (workplace / 'trained' / 'iter_1.pth', tiny.checkpoint))
    assert trained['dataset_meta']['classes'] == expected['dataset_meta']['classes']
    for key in ('names', 'image_count', 'instance_count'):
        assert trained['class_statistics'][key] == expected['class_statistics'][key]


def test_an_image_without_the_classes_is_not_drawn(tiny, predict, workplace):
    assert predict(tiny.images[0], '--classes', 'rare', '--score-thr', 1) == 0
    assert not (workplace / 'out' / 'drawings').exists()
    assert '0 of 1 images' in (workplace / 'out' / 'index.html').read_text()


def test_frames_of_a_video_are_images(tiny, predict, workplace):
    video = cv2.VideoWriter('clip.avi', cv2.VideoWriter_fourcc(*'MJPG'), 5, (128, 128))
    for path in tiny.images[:5]:
        video.write(cv2.resize(cv2.imread(str(path)), (128, 128)))
    video.release()
    assert predict('clip.avi', '--every', 2, '--score-thr', 0.1) == 0
    listed = json.loads((workplace / 'out' / 'images.json').read_text())['images']
    assert [(image['file_name'], image['frame']) for image in listed] == [('clip.avi', frame) for frame in (0, 2, 4)]
    assert (workplace / 'out' / 'drawings' / 'clip_000004.png').is_file()
    assert {each['image_id'] for each in records(workplace / 'out')} == {image['id'] for image in listed}


def test_a_broken_image_is_left_out_and_said(tiny, predict, workplace, capsys):
    (workplace / 'bad.jpg').write_bytes(tiny.images[0].read_bytes()[:300])
    assert predict('bad.jpg', tiny.images[0], '--no-drawings') == 0
    assert 'left out: bad.jpg' in capsys.readouterr().err
    assert len(json.loads((workplace / 'out' / 'images.json').read_text())['images']) == 1
    assert predict('bad.jpg') == 2
    assert 'none of the 1 images can be read' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['none.jpg'], 'no image, video or folder none.jpg; correct the path or the pattern'),
        (['{image}', '--classes', 'rar'], "--classes rar: no such class or group; did you mean 'rare'?"),
        (['{image}', '--ann', 'none.json'], 'none.json'),
        (['{image}', '--score-thr', '2'], 'found 2, expected'),
        (['{image}', '--every', '0'], 'found 0, expected'),
    ],
)
def test_a_mistake_is_one_line(tiny, predict, capsys, argv, message):
    assert predict(*(each.format(image=tiny.images[0]) for each in argv)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if 'predict: error: ' in line]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_checkpoint_of_another_model_is_one_line(tiny, predict, workplace, capsys):
    torch.save({'state_dict': {'fc.weight': torch.zeros(1)}}, workplace / 'other.pth')
    assert predict(tiny.images[0], checkpoint='other.pth') == 2
    assert 'the checkpoint is not of this model' in capsys.readouterr().err
