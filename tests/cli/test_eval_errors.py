"""One line for each mistake in what eval is given."""

from __future__ import annotations

import json
import pickle

import pytest

from .eval_cases import error_line


def without(key):
    def damage(record):
        del record[key]

    return damage


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (without('score'), "result record 7 has no 'score'"),
        (lambda record: record.update(bbox=[1, 2, 3]), 'result record 7: bbox is [1, 2, 3]; expected four'),
        (lambda record: record.update(score=float('nan')), 'result record 7: score is nan; expected a finite number'),
        (lambda record: record.update(segmentation=[[1, 2, 3]]), 'result record 7: segmentation is'),
        (lambda record: record.update(category_id='cat'), "result record 7: category_id is 'cat'"),
        (lambda record: record.update(image_id=999), 'image id 999'),
    ],
)
def test_a_malformed_record_is_named_by_its_index(eval_case, tmp_path, capsys, damage, message):
    records = json.loads(json.dumps(eval_case[2]))
    damage(records[7])
    (tmp_path / 'r.json').write_text(json.dumps(records))
    args = ['--ann', eval_case[0] / 'gt.json', '--results', tmp_path / 'r.json', '--metric', 'bbox', 'segm']
    assert message in error_line(capsys, *args)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (without('pred_instances'), 'predicted image 2 has no img_id or no pred_instances'),
        (lambda image: image['pred_instances'].pop('labels'), "predicted image 2 has no 'labels'"),
        (lambda image: image['pred_instances']['labels'].fill_(6), 'predicted image 2 has a predicted label 6'),
        (lambda image: image['pred_instances']['scores'].fill_(float('inf')), 'predicted image 2 has a score or a box'),
        (lambda image: image['pred_instances']['masks'].pop(), 'predicted image 2 has'),
        (
            lambda image: image['pred_instances']['masks'].__setitem__(0, 7),
            'predicted image 2 has a mask 7; expected an RLE',
        ),
        (
            lambda image: image['pred_instances']['masks'][0].update(counts=b'132132'),
            "'counts': b'132132'}; expected an RLE with size [height, width] and counts that add up to it",
        ),
        (
            lambda image: image['pred_instances']['masks'][0].update(size=[2**40, 2**40]),
            "predicted image 2 has a mask {'size': [1099511627776",
        ),
        (lambda image: image['pred_instances'].update(masks=7), 'predicted image 2 has masks of type int'),
        (lambda image: image['pred_instances'].update(labels='text'), 'predicted image 2 has labels of dtype <U4'),
        (
            lambda image: image['pred_instances'].update(bboxes=[[1], [1, 2]]),
            'predicted image 2 has bboxes that are no array',
        ),
        (lambda image: image['pred_instances'].update(scores=[None]), 'predicted image 2 has scores of dtype object'),
        (lambda image: image.update(img_id=2**70), 'predicted image 2 has no img_id'),
    ],
)
def test_a_malformed_image_of_a_pickle_is_named_by_its_index(eval_case, tmp_path, capsys, damage, message):
    images = pickle.loads(pickle.dumps(eval_case[1]))
    damage(images[2])
    (tmp_path / 'r.pkl').write_bytes(pickle.dumps(images))
    assert message in error_line(capsys, '--ann', eval_case[0] / 'gt.json', '--results', tmp_path / 'r.pkl')


@pytest.mark.parametrize('number', [1, 400])
def test_detections_of_unknown_categories_are_refused(eval_case, tmp_path, capsys, number):
    """They would count for nothing: AP 0 where all are unknown, and a little less than it should where one is."""
    folder = eval_case[0]
    records = json.loads((folder / 'results.json').read_text())
    for record in records[:number]:
        record['category_id'] += 1000
    (tmp_path / 'r.json').write_text(json.dumps(records))
    line = error_line(capsys, '--ann', folder / 'gt.json', '--results', tmp_path / 'r.json')
    assert f'r.json holds {min(number, len(records))} of {len(records)} detections of' in line
    assert 'categories that the annotation file does not have (10' in line


@pytest.mark.parametrize('option', ['--out', '--classwise'])
def test_a_file_that_cannot_be_written_is_told_before_the_evaluation(eval_case, option, tmp_path, capsys):
    (tmp_path / 'file').touch()
    args = ['--ann', eval_case[0] / 'gt.json', '--results', eval_case[0] / 'results.json', option, tmp_path / 'file/x']
    assert 'file is no folder; give another place' in error_line(capsys, *args)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('r.json', '[{"image_id": 1', 'r.json is not valid json'),
        ('r.json', '{"bbox": 1}', 'r.json cannot be used: it holds a dict; expected a list of result records'),
        ('r.pkl', 'text', 'r.pkl is no pickle, or was cut short'),
        ('r.txt', '', 'expected a file that ends in .json, .npz, .pkl or .pickle'),
        ('other', '', 'results file not found'),
    ],
)
def test_a_file_of_something_else_is_one_line(eval_case, tmp_path, capsys, name, content, message):
    if name != 'other':
        (tmp_path / name).write_text(content)
    assert message in error_line(capsys, '--ann', eval_case[0] / 'gt.json', '--results', tmp_path / name)


def test_other_mistakes_are_one_line(eval_case, tmp_path, capsys):
    folder, predictions, _ = eval_case
    base = ['--ann', folder / 'gt.json', '--results', folder / 'results.json']
    (tmp_path / 'ids').write_text('1 two')
    assert 'expected a json list of image ids, or one a line' in error_line(
        capsys, *base, '--img-ids', tmp_path / 'ids'
    )
    assert '--intervals belongs to --mode default' in error_line(capsys, *base, '--mode', 'pool', '--intervals')
    assert '0 resamples give no interval' in error_line(capsys, *base, '--intervals', '0')
    assert "invalid choice: 'mask'" in error_line(capsys, *base, '--metric', 'mask')
    assert 'annotation file not found' in error_line(capsys, '--ann', 'none.json', '--results', base[3])
    boxes = [
        {**image, 'pred_instances': {k: v for k, v in image['pred_instances'].items() if k != 'masks'}}
        for image in predictions
    ]
    (tmp_path / 'boxes.pkl').write_bytes(pickle.dumps(boxes))
    assert '--metric segm needs masks' in error_line(
        capsys, *base[:2], '--results', tmp_path / 'boxes.pkl', '--metric', 'segm'
    )
