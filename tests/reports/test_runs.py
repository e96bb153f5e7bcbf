"""The runs of a report are told apart before anything is read, in an interpreter without mmdet too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from longtail_det.reports import find_runs


@pytest.mark.parametrize(
    ('names', 'predictions', 'message'),
    [
        (['a'], None, '--names gives 1 for 2 runs'),
        (['a', 'a'], None, "two runs are called 'a'"),
        (None, [Path('r.pkl')], '--results gives 1 for 2 runs'),
    ],
)
def test_names_and_files_are_one_for_each_run(names, predictions, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        find_runs([tmp_path / 'x', tmp_path / 'y'], names, predictions)


def test_reports_are_imported_without_mmdet():
    blocked = "import sys; sys.modules |= dict.fromkeys(('mmengine', 'mmcv', 'mmdet', 'torch')); "
    subprocess.run(
        [sys.executable, '-c', f'{blocked}import longtail_det.reports'], check=True, cwd=Path(__file__).parents[2]
    )
