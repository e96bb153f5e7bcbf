from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from longtail_det.compat.upgrade import detect_source, read_source

ONE = torch.zeros(1)


@pytest.mark.parametrize(
    ('checkpoint', 'source'),
    [
        ({'state_dict': {'backbone.conv1.weight': ONE}, 'meta': {'mmdet_version': '2.21.0'}}, 'mmdet2'),
        ({'state_dict': {'module.roi_head.bbox_head.fc_cls.weight': ONE}}, 'mmdet2'),
        ({'backbone.conv1.weight': ONE}, 'mmdet2'),
        ({'model': {'backbone.bottom_up.stem.conv1.weight': ONE}, 'iteration': 8}, 'detectron2'),
        ({'model': {'module.roi_heads.box_head.fc1.weight': ONE}}, 'detectron2'),
        ({'model': {'backbone.fpn_lateral2.weight': ONE, 'backbone.bottom_up.x': ONE}}, 'detectron2'),
    ],
)
def test_each_program_is_known_by_its_names(checkpoint, source):
    assert detect_source(checkpoint, 'x.pth') == source


@pytest.mark.parametrize(
    ('checkpoint', 'message'),
    [
        ({'state_dict': {'backbone.x': ONE}, 'meta': {'mmengine_version': '0.10.7'}}, 'is of mmdet 3.x already'),
        ({'state_dict': {'backbone.x': ONE}, 'meta': {'mmdet_version': '3.3.0'}}, 'is of mmdet 3.x already'),
        (
            {'state_dict': {'backbone.x': ONE}, 'meta': {'mmdet_version': '1.2.0'}},
            'of mmdet 1.2.0, whose class 0 is the background',
        ),
        (
            {'state_dict': {'rpn_head.rpn_cls.weight': ONE, 'bbox_head.fc_cls.weight': ONE}},
            'of mmdet 1.x, whose class 0 is the background',
        ),
        ({'model': {'module.backbone.body.stem.conv1.weight': ONE}}, 'of maskrcnn-benchmark, whose class 0'),
        ({'blobs': {'conv1_w': ONE}}, r'of Caffe2 \(Detectron\), whose class 0'),
        ({'res2_0_branch2a_w': ONE}, r'of Caffe2 \(Detectron\)'),
        ({'state_dict': {'layer1.weight': ONE}}, 'it holds layer1.weight and the like; expected names such as'),
        ({'state_dict': {}}, 'it holds nothing and the like'),
    ],
)
def test_what_cannot_be_upgraded_says_why(checkpoint, message):
    with pytest.raises(ValueError, match=message) as caught:
        detect_source(checkpoint, 'x.pth')
    assert str(caught.value).startswith('x.pth is ')
    assert '\n' not in str(caught.value)


def test_a_one_stage_model_of_mmdet_2_is_not_taken_for_one_of_1():
    assert detect_source({'state_dict': {'backbone.x': ONE, 'bbox_head.fc.weight': ONE}}, 'x.pth') == 'mmdet2'


def test_both_formats_are_read(tmp_path):
    torch.save({'model': {'a': ONE}}, tmp_path / 'x.pth')
    assert torch.equal(read_source(tmp_path / 'x.pth')['model']['a'], ONE)
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'model': {'a': np.zeros(1)}}))
    assert read_source(tmp_path / 'x.pkl')['model']['a'].tolist() == [0]


@pytest.mark.parametrize(('content', 'kind'), [([1], 'a list'), ({}, 'nothing'), (torch.zeros(2), 'a Tensor')])
def test_a_file_without_weights_says_what_it_holds(content, kind, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=rf'x\.pth holds {kind}; expected the mapping of weights'):
        read_source(tmp_path / 'x.pth')
