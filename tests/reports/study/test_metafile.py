"""The results of a study in a metafile."""

from __future__ import annotations

import pytest

from longtail_det.reports.study import Row, summaries_of_configs, with_results

METAFILE = """Collections:
  - Name: Glyphs
    Metadata:
      Training Data: Glyphs

Models:
  - Name: a
    In Collection: Glyphs
    Config: configs/a.py
    Metadata:
      Iterations: 600
      Seeds: 1
    Results:
      - Task: Object Detection
        Dataset: Glyphs
        Metrics:
          box AP: 1.0

  - Name: b
    Config: configs/b.py
    Metadata:
      Iterations: 600
      Seeds: 7
    Results:
      - Metrics:
          box AP: 2.0
    Original:
      - Name: theirs

  - Name: c
    Config: configs/c.py
    Metadata:
      Iterations: 600
"""


def row(name: str, seed: int, ap: float) -> Row:
    config = f'configs/{name.partition("+")[0]}.py'
    return Row(name=name, seed=seed, config=config, box_ap=ap, box_apr=ap / 2, mask_ap=ap / 4)


def test_a_detector_of_boxes_has_no_masks():
    yaml = pytest.importorskip('yaml')
    boxes = Row(name='a', seed=0, config='configs/a.py', box_ap=0.4)
    found = yaml.safe_load(with_results(METAFILE, summaries_of_configs([boxes]), 'Glyphs'))['Models'][0]['Results']
    assert found == [{'Task': 'Object Detection', 'Dataset': 'Glyphs', 'Metrics': {'box AP': 40.0}}]


def test_models_have_the_mean_over_the_seeds_and_nothing_else_changes():
    results = summaries_of_configs([row('a', 0, 0.4), row('a', 1, 0.5), row('c', 0, 0.3), row('a+300i', 0, 0.1)])
    text = with_results(METAFILE, results, 'Glyphs')
    yaml = pytest.importorskip('yaml')
    found = {model['Name']: model for model in yaml.safe_load(text)['Models']}
    assert found['a']['Metadata'] == {'Iterations': 600, 'Seeds': 2}
    boxes, masks = found['a']['Results']
    assert boxes == {'Task': 'Object Detection', 'Dataset': 'Glyphs', 'Metrics': {'box AP': 45.0, 'box APr': 22.5}}
    assert masks['Metrics'] == {'mask AP': 11.2}
    assert found['b'] == {model['Name']: model for model in yaml.safe_load(METAFILE)['Models']}['b']
    assert found['c']['Metadata']['Seeds'] == 1
    assert text.startswith(METAFILE[: METAFILE.index('      Seeds')])


def test_writing_again_changes_nothing():
    results = summaries_of_configs([row('a', 0, 0.4), row('c', 0, 0.3)])
    text = with_results(METAFILE, results, 'Glyphs')
    assert with_results(text, results, 'Glyphs') == text
