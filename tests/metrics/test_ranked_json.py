from __future__ import annotations

import json
import os

from longtail_det.metrics.ranked_json import RankedJson


def test_parts_of_all_ranks_become_one_list(tmp_path):
    path = tmp_path / 'deep' / 'r.json'
    ranks = [RankedJson(path, rank) for rank in range(3)]
    ranks[0].add(4, [{'n': 1}, {'n': 2}])
    ranks[0].add(7, [])
    ranks[1].add(5, [{'n': 3, 'name': 'a\tb\nc'}])
    ranks[1].add(4, [{'n': 1}, {'n': 2}])  # the sampler gave this image twice
    for rank in ranks:
        rank.close()
    assert ranks[0].join(3) == 3
    assert json.loads(path.read_text()) == [{'n': 1}, {'n': 2}, {'n': 3, 'name': 'a\tb\nc'}]
    assert os.listdir(path.parent) == ['r.json']


def test_images_stand_in_the_order_in_which_the_sampler_dealt_them_out(tmp_path):
    ranks = [RankedJson(tmp_path / 'r.json', rank) for rank in range(2)]
    for number in range(5):
        ranks[number % 2].add(number, [{'n': number}])
    for rank in ranks:
        rank.close()
    assert ranks[0].join(2) == 5
    assert json.loads((tmp_path / 'r.json').read_text()) == [{'n': number} for number in range(5)]


def test_no_image_at_all_is_an_empty_list_and_replaces_what_was_there(tmp_path):
    path = tmp_path / 'r.json'
    path.write_text('old')
    assert RankedJson(path, 0).join(2) == 0
    assert json.loads(path.read_text()) == []


def test_a_second_test_run_starts_anew(tmp_path):
    writer = RankedJson(tmp_path / 'r.json', 0)
    for number in range(2):
        writer.add(number, [{'n': number}])
        writer.close()
        writer.join(1)
    assert json.loads((tmp_path / 'r.json').read_text()) == [{'n': 1}]
