from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.reports.audit import find_similar_names

SAME, LETTER = 'the same words', 'one letter'


@pytest.mark.parametrize(
    ('first', 'second', 'why'),
    [
        ('traffic light', 'Traffic_Lights', SAME),
        ('wine bottle', 'bottle, wine', SAME),
        ('box', 'boxes', SAME),
        ('puppy', 'puppies', SAME),
        ('Bücher', 'bücher', SAME),
        ('screwdriver', 'screwdrivr', LETTER),
        ('red screwdriver', 'red skrewdriver', LETTER),
        ('screwdriver', 'screwdirver', LETTER),
        ('screwdriver', 'hammer', None),
        ('boat', 'goat', None),
        ('class 10001', 'class 10002', None),
        ('latin a', 'latin b', None),
        ('red hammer', 'hammer', None),
        ('bus', 'bu', None),
        ('glass', 'glas', None),
        ('+', '-', None),
    ],
)
def test_pairs_that_look_alike(first, second, why):
    assert [each.why for each in find_similar_names([first, second])] == ([why] if why else [])


@given(st.lists(st.sampled_from(['cup', 'Cups', 'ladders', 'laddr', 'sky', 'lader', '中文', '']), max_size=6))
def test_each_pair_is_there_once_and_the_same_words_come_first(names):
    pairs = find_similar_names(names)
    assert len({pair[:2] for pair in pairs}) == len(pairs)
    assert all(pair.first < pair.second for pair in pairs)
    assert [pair.why for pair in pairs] == sorted((pair.why for pair in pairs), key=lambda why: why != SAME)


def test_a_large_vocabulary_takes_no_pairs():
    names = [f'{a}{b}{c} thing' for a in 'bcdfghjklm' for b in 'aeiou' for c in ['rstv', 'mnbp', 'xqwz']]
    assert not find_similar_names([f'{name} {i}' for i, name in enumerate(names * 90)])
