"""An audit finds what was put into the files, and its numbers are those of the rooms it stands on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from longtail_det.annotations import load_class_statistics
from longtail_det.reports.audit import (
    class_table,
    make_audit,
    read_split,
    resampling_table,
    suggestion_table,
    tail_table,
    write_audit_page,
)
from longtail_det.sampling import repeat_factors

from .cases import NAMES, NUM_IMAGES, make_records, write_splits


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp('audit'))


@pytest.fixture(scope='module')
def audit(paths):
    return make_audit(*map(read_split, paths))


def test_the_counts_are_those_of_class_statistics(paths, audit):
    for path, split in zip(paths, (audit.train, audit.val), strict=True):
        assert split.statistics == load_class_statistics(path)


def test_each_problem_is_found(audit):
    found = {(each.kind, each.names) for each in audit.findings if each.kind != 'bad_records'}
    assert found == {
        ('never_trained', ('unicorn',)),
        ('unknown_to_training', ('cup',)),
        ('unmeasured', ('traffic light', '<b>cup</b>')),
        ('hardly_measured', ('Traffic_Lights',)),
        ('one_image', ('<b>cup</b>',)),
        ('similar_names', ('traffic light / Traffic_Lights (the same words)',)),
        ('groups', ()),
        ('tiny', ()),
    }
    (bad,) = (each for each in audit.findings if each.kind == 'bad_records')
    assert '1 annotations of an unknown category' in bad.text
    assert len(bad.names) == audit.train.num_bad == 2
    (never,) = (each for each in audit.findings if each.kind == 'never_trained')
    assert 'validation has objects of 1 of them' in never.text
    assert audit.train.num_crowd == audit.train.num_tiny == audit.train.num_groups == 1


def test_a_clean_data_set_has_no_findings(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(make_records('train', {'person': 300, 'dog': 200}, ('person', 'dog'))))
    split = read_split(path)
    audit = make_audit(split, split)
    assert audit.findings == []
    assert audit.rare_images.names == []
    assert (audit.rfs.value, audit.irfs.value, audit.tail.value) == (None, None, None)


def test_rare_images_are_those_that_show_a_rare_class(audit):
    rare = {NAMES.index('Traffic_Lights'), NAMES.index('<b>cup</b>')}
    assert audit.rare_images.names == [f'train/{i}.jpg' for i in range(5)]
    assert audit.rare_images.classes == [sorted(rare), *[[NAMES.index('Traffic_Lights')]] * 4]
    # two persons and two dogs on each, a tiny and a marked person on the first
    assert audit.rare_images.frequent_instances == pytest.approx((4 * 5 + 2) / 5)


def test_predicted_epochs_are_as_long_as_the_factors_of_the_sampler_say(audit):
    index = audit.train.instances
    labels = [index.labels[index.offsets[i] : index.offsets[i + 1]] for i in range(len(index))]
    for row in audit.resampling:
        factors = repeat_factors(labels, oversample_thr=row.oversample_thr, mode=row.mode)
        assert row.epoch.length == pytest.approx(factors.sum())
    lengths = [row.epoch.length for row in audit.resampling if row.mode == 'image']
    assert lengths == sorted(lengths)
    assert lengths[0] == NUM_IMAGES


def test_the_suggested_thresholds_are_rows_of_the_tables(audit):
    starred = [
        cell
        for table in (resampling_table(audit), tail_table(audit))
        for row in table.rows
        for cell in row
        if cell.endswith(' *')
    ]
    assert starred == [f'{each.value:g} *' for each in (audit.rfs, audit.irfs, audit.tail)]
    assert [row[1] for row in suggestion_table(audit).rows] == [
        f'{each.value:g}' for each in (audit.rfs, audit.irfs, audit.tail)
    ]


def test_the_table_of_classes_holds_the_counts(audit):
    table = class_table(audit)
    stats = audit.train.statistics
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    assert set(rows) == set(NAMES)
    for c, name in enumerate(NAMES):
        assert rows[name]['training images'] == str(stats.image_count[c])
        assert rows[name]['RFS factor'] == f'{audit.class_factors[c]:.2f}'
        assert (rows[name]['tail'] == 'yes') == (c in audit.tail.classes)
    assert rows['dog']['objects'] == '40'
    assert np.diff([int(row[2]) for row in table.rows]).min() >= 0


def test_the_page_holds_every_class_and_loads_nothing(audit, tmp_path):
    path = write_audit_page(tmp_path / 'new' / 'audit.html', audit, title='<i>x</i>', date='today', facts={'a': '<u>'})
    text = path.read_text()
    assert '<b>cup' not in text
    assert '&lt;b&gt;cup&lt;/b&gt;' in text
    assert '<i>x' not in text
    assert '<u>' not in text
    assert '://' not in text
    for finding in audit.findings:
        assert finding.advice.replace("'", '&#x27;') in text
    assert text.count('<figure>') == 4


def test_without_validation_there_is_no_word_of_it(paths, tmp_path):
    audit = make_audit(read_split(paths[0]))
    assert not {'unmeasured', 'hardly_measured', 'unknown_to_training'} & {each.kind for each in audit.findings}
    text = write_audit_page(tmp_path / 'a.html', audit, title='x', date='today', facts={}).read_text()
    assert text.count('<figure>') == 3
    assert 'validation' not in text.lower()
