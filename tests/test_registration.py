"""Names of ours are in mmdet's registries, whichever package is imported first, and in spawned processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOOK = """
from mmdet.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS, MODELS

ours = {
    MODELS: ['EQL', 'SeesawLoss', 'LongTailBBoxHead', 'LabelFCNMaskHead', 'CosineLinear'],
    DATASETS: ['LVISDataset', 'RepeatFactorDataset'],
    DATA_SAMPLERS: ['RepeatFactorSampler'],
    HOOKS: ['ClassStatisticsHook'],
    METRICS: ['FastLVISMetric'],
}
for registry, names in ours.items():
    for name in names:
        assert registry.get(name).__module__.startswith('longtail_det.'), (name, registry.get(name))
print('registered')
"""
ORDERS = {
    'ours first': 'import longtail_det' + LOOK,
    'mmdet first': 'import longtail_det.compat; import mmdet.models; import longtail_det' + LOOK,
    'after mmdet was asked': """
import longtail_det.compat.mmcv_ext as ext
ext.install_mmcv_ops()
from mmdet.registry import DATASETS, MODELS
MODELS.get('SeesawLoss'), DATASETS.get('LVISDataset')
import longtail_det
"""
    + LOOK,
    'a room first': 'import longtail_det.losses, longtail_det.metrics' + LOOK,
    'custom_imports': """
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings
import_modules_from_strings(imports=['longtail_det'], allow_failed_imports=False)
"""
    + LOOK,
    'a spawned process': f"""
import multiprocessing
def look():
    import longtail_det
    exec({LOOK!r})
if __name__ == '__main__':
    worker = multiprocessing.get_context('spawn').Process(target=look)
    worker.start()
    worker.join()
    assert worker.exitcode == 0
""",
}


def run(code: str, tmp_path) -> str:
    script = tmp_path / 'script.py'
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('order', ORDERS)
def test_the_order_of_imports_does_not_matter(order, tmp_path):
    assert 'registered' in run(ORDERS[order], tmp_path)


def test_importing_the_package_imports_nothing_heavy(tmp_path):
    heavy = ('torch', 'mmengine', 'mmcv', 'mmdet', 'matplotlib', 'numpy')
    assert run(f'import sys, longtail_det; print([n for n in {heavy} if n in sys.modules])', tmp_path) == '[]\n'


def test_numpys_word_to_pycocotools_does_not_reach_the_user(tmp_path):
    code = """
import sys, warnings
warnings.simplefilter('error', DeprecationWarning)
import longtail_det
import numpy as np
from pycocotools import mask
print(mask.decode(mask.encode(np.ones((3, 4), np.uint8, order='F'))).sum())
"""
    assert run(code, tmp_path) == '12\n'
