"""Every mistake in the options of a dataset is one line that says what was found, expected and to do."""

from __future__ import annotations

import pytest

from longtail_det.datasets import LVISDataset

from ..annotation_files import good_records

OPTIONS = {
    'class unknown': (
        {'metainfo': {'classes': ['cat', 'street_signs', 'sky']}},
        ValueError,
        r"classes'\] names 'street_signs', 'sky', not among the 4 categories of .*; did you mean 'street_sign'\?",
    ),
    'class unlike any': (
        {'metainfo': {'classes': ['qqqqqq']}},
        ValueError,
        "names 'qqqqqq', not among .*; it has 'cat', 'dog', 'tree' and 1 more",
    ),
    'class twice': ({'metainfo': {'classes': ['cat', 'dog', 'cat']}}, ValueError, "names 'cat' more than once"),
    'classes empty': ({'metainfo': {'classes': []}}, ValueError, r"classes'\] is empty"),
    'classes one text': ({'metainfo': {'classes': 'cat'}}, ValueError, r"is 'cat'; expected a list of names"),
    'classes numbers': ({'metainfo': {'classes': [1, 2]}}, ValueError, r'is \[1, 2\]; expected a list of names'),
    'classes a number': ({'metainfo': {'classes': 4}}, ValueError, r'is 4; expected a list of names'),
    'on_bad': ({'on_bad': 'ignore'}, ValueError, r"on_bad='ignore'; expected one of \['error', 'skip'\]"),
    'prefix of mmengine': (
        {'data_prefix': {'img_path': 'train/'}},
        ValueError,
        r"data_prefix has the keys \['img_path'\], expected only \['img', 'seg'\]",
    ),
    'filter misspelt': (
        {'filter_cfg': {'filter_empty': True}},
        ValueError,
        r"filter_cfg has the keys \['filter_empty'\], expected only \['filter_empty_gt', 'min_size'\]",
    ),
    'filter takes all': (
        {'filter_cfg': {'min_size': 999}},
        ValueError,
        r"filter_cfg=\{'min_size': 999\} leaves none of 2 images",
    ),
    'option unknown': ({'oversample': 1}, TypeError, "unexpected keyword argument 'oversample'"),
    'images elsewhere': (
        {'data_prefix': {'img': 'images/'}},
        FileNotFoundError,
        r'image file not found: .*/images/train2017/0+1.jpg, the first of .*train.json \(data_root=.*; '
        'correct data_root or data_prefix in the config.*check_images=True',
    ),
    'all images elsewhere': (
        {'data_prefix': {'img': 'images/'}, 'check_images': True, 'on_bad': 'skip'},
        FileNotFoundError,
        'none of 2 image files found, as .*/images/train2017/0+1.jpg, the first of',
    ),
}


@pytest.mark.parametrize(('options', 'kind', 'message'), OPTIONS.values(), ids=OPTIONS)
def test_a_wrong_option_is_one_line(options, kind, message, load):
    with pytest.raises(kind, match=message) as caught:
        load(good_records(), **options)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('ann_file', ['annotations/train.json', '', '.'])
def test_a_missing_annotation_file_is_one_line(ann_file, tmp_path):
    with pytest.raises(FileNotFoundError, match='annotation file not found') as caught:
        LVISDataset(ann_file=ann_file, data_root=f'{tmp_path}/')
    text = str(caught.value)
    assert ann_file in text
    assert f"data_root='{tmp_path}/'; correct data_root or ann_file in the config" in text
    assert '\n' not in text


def test_without_annotations_there_is_nothing_to_train_on(load):
    records = good_records()
    del records['annotations']
    with pytest.raises(ValueError, match='has no annotations'):
        load(records)
