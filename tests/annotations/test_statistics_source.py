"""Statistics are the same whatever form a config gives them in."""

from __future__ import annotations

import json

from longtail_det.annotations import as_class_statistics
from longtail_det.statistics import ClassStatistics


def test_object_mapping_and_path(tmp_path):
    stats = ClassStatistics([1, 2], [3, 4], num_images=5)
    path = tmp_path / 'statistics.json'
    path.write_text(json.dumps(stats.to_dict()))
    assert as_class_statistics(stats) is stats
    for source in (stats.to_dict(), path, str(path)):
        assert as_class_statistics(source) == stats
