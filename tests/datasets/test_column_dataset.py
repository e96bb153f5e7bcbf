"""A dataset over the columns of a file: from a store as from memory."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from mmengine.structures import InstanceData

from ..annotation_files import FILTERS, all_info, annotation, box_polygon, make_records, with_oddities


@pytest.mark.parametrize('style', ['v1', 'v0.5', 'coco'])
@pytest.mark.parametrize('filter_cfg', FILTERS[:2])
def test_a_store_gives_what_memory_gives(style, filter_cfg, load):
    records = with_oddities(make_records(style))
    first = records['images'][0]['id']
    records['annotations'] += [
        annotation(20, first, 2, (4, 4, 9, 9), segmentation=[[1, 1, 2, 2], box_polygon(4, 4, 9, 9)]),
        annotation(21, first, 99, (4, 4, 9, 9)),
        {'id': 22},
    ]
    options = {'on_bad': 'skip', 'filter_cfg': filter_cfg}
    memory, built, again = (load(records, store=store, **options) for store in (False, True, True))
    for ours in (built, again):
        assert all_info(ours) == all_info(memory)
        assert ours.metainfo == memory.metainfo
        assert ours.category_records == memory.category_records
        assert ours.class_statistics == memory.class_statistics
        assert [each.tolist() for each in ours.labels_per_image] == [each.tolist() for each in memory.labels_per_image]
        assert all_info(ours.get_subset([3, 1])) == all_info(memory.get_subset([3, 1]))
    errors = []
    for store in (False, True):
        with pytest.raises(ValueError, match='3 bad records') as caught:
            load(records, store=store)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_subsets_and_workers_share_the_columns(load):
    dataset = load(make_records())
    assert dataset.get_subset(3)._columns is dataset._columns
    assert len(pickle.dumps(dataset)) < 20_000
    assert dataset.data_list == []


def test_proposals_of_mmdet_reach_the_items(load, tmp_path):
    records = make_records(num_images=2)
    names = ['/'.join(each['coco_url'].split('/')[-2:]) for each in records['images']]
    found = InstanceData(bboxes=torch.ones(3, 4), scores=torch.ones(3))
    (tmp_path / 'proposals.pkl').write_bytes(pickle.dumps(dict.fromkeys(names, found)))
    (first, _) = all_info(load(records, proposal_file='proposals.pkl'))
    assert torch.equal(first['proposals'].bboxes, found.bboxes)
    (tmp_path / 'proposals.json').write_text(json.dumps({name: [1] for name in names}))
    assert all_info(load(records, proposal_file='proposals.json'))[0]['proposals'] == [1]


def test_proposals_reach_the_items(load, tmp_path):
    records = make_records(num_images=3)
    names = ['/'.join(each['coco_url'].split('/')[-2:]) for each in records['images']]
    (tmp_path / 'proposals.pkl').write_bytes(pickle.dumps({name: [n] for n, name in enumerate(names)}))
    dataset = load(records, proposal_file='proposals.pkl', indices=[2, 0])
    assert [info['proposals'] for info in all_info(dataset)] == [[2], [0]]
    with pytest.raises(ValueError, match='has proposals of 3 images, expected those of the 4 images'):
        load(make_records(num_images=4), proposal_file='proposals.pkl')
