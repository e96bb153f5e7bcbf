"""Every prefix of mmengine's loaders passes our reader; what it gives and where it is kept are as before.

That none of them runs code is in `tests/drill/test_execution.py`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from longtail_det.compat.mmengine_loaders import check_mmengine_loaders, load_from_url

from ..served import served


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server with a sound checkpoint, and an empty cache; its folder and its address."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path / 'home'))
    folder = tmp_path / 'served'
    folder.mkdir()
    (tmp_path / 'home').mkdir()
    torch.save({'state_dict': {'backbone.weight': torch.ones(2)}}, folder / 'model.pth')
    with served(folder) as address:
        yield folder, address


def test_a_download_lies_in_the_cache_of_torch_hub(server, tmp_path):
    folder, address = server
    first = CheckpointLoader.load_checkpoint(f'{address}/model.pth')
    assert (tmp_path / 'cache/hub/checkpoints/model.pth').read_bytes() == (folder / 'model.pth').read_bytes()
    (folder / 'model.pth').unlink()
    again = CheckpointLoader.load_checkpoint(f'{address}/model.pth', map_location='cpu')
    assert torch.equal(first['state_dict']['backbone.weight'], again['state_dict']['backbone.weight'])


def test_the_hash_in_a_name_is_checked_where_it_is_asked_for(server, tmp_path):
    folder, address = server
    raw = (folder / 'model.pth').read_bytes()
    for digest in (hashlib.sha256(raw).hexdigest()[:8], '0' * 8):
        (folder / f'model-{digest}.pth').write_bytes(raw)
    assert load_from_url(f'{address}/model-{hashlib.sha256(raw).hexdigest()[:8]}.pth', check_hash=True)
    with pytest.raises(FileNotFoundError, match=r'cannot be downloaded \(invalid hash value'):
        load_from_url(f'{address}/model-00000000.pth', check_hash=True)
    assert len(list((tmp_path / 'cache/hub/checkpoints').iterdir())) == 1


def test_the_loader_of_the_fork_is_replaced_and_leaves_the_safe_types_alone(tmp_path):
    """It allows the real `getattr`, and unpickles anything where that is not enough."""
    torch.save({'counts': np.arange(2), 'method': print}, tmp_path / 'print.pth')
    torch.save({'counts': np.arange(2)}, tmp_path / 'counts.pth')
    for _ in range(2):
        with pytest.raises(ValueError, match='print, which is no tensor'):
            checkpoint._safe_torch_load(str(tmp_path / 'print.pth'))
        loaded = checkpoint._safe_torch_load(str(tmp_path / 'counts.pth'), map_location='cpu')
        assert loaded['counts'].tolist() == [0, 1]


@pytest.mark.parametrize('url', ['{address}/none.pth', 'http://127.0.0.1:1/model.pth', 'http://[bad/model.pth'])
def test_what_cannot_be_downloaded_is_one_line(url, server):
    with pytest.raises((FileNotFoundError, ValueError)) as caught:
        CheckpointLoader.load_checkpoint(url.format(address=server[1]))
    assert '\n' not in str(caught.value)


def test_a_web_page_is_no_checkpoint(server):
    folder, address = server
    (folder / 'page.pth').write_text('<!DOCTYPE html>')
    with pytest.raises(ValueError, match=r'checkpoints/page\.pth \(15 bytes\) cannot be read as a checkpoint'):
        CheckpointLoader.load_checkpoint(f'{address}/page.pth')


@pytest.mark.parametrize('prefix', ['torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://', 'mmcls://'])
def test_names_of_models_are_looked_up_as_before(prefix, server, tmp_path, monkeypatch):
    table = {'toy': f'{server[1]}/model.pth'}
    (tmp_path / 'home/open_mmlab.json').write_text(json.dumps(table))
    for name in ('get_torchvision_models', 'get_mmcls_models'):
        monkeypatch.setattr(checkpoint, name, lambda: table)
    key = 'weight' if prefix == 'mmcls://' else 'backbone.weight'
    assert CheckpointLoader.load_checkpoint(f'{prefix}toy')['state_dict'][key].tolist() == [1, 1]


def test_file_clients_are_asked_as_before(server, monkeypatch):
    class Backend:
        def get(self, name):
            assert name == 's3://bucket/model.pth'
            return (server[0] / 'model.pth').read_bytes()

    monkeypatch.setattr(checkpoint, 'get_file_backend', lambda *args, **kwargs: Backend())
    assert CheckpointLoader.load_checkpoint('s3://bucket/model.pth')['state_dict']['backbone.weight'].tolist() == [1, 1]


def test_saving_is_as_before(tmp_path):
    checkpoint.save_checkpoint({'a': torch.ones(1)}, str(tmp_path / 'x.pth'))
    assert torch.load(tmp_path / 'x.pth')['a'].tolist() == [1]
    assert importlib.import_module('torch').load is torch.serialization.load


def test_once_more_changes_nothing():
    before = checkpoint.load_url
    check_mmengine_loaders(checkpoint)
    assert checkpoint.load_url is before is load_from_url


@pytest.mark.slow
@pytest.mark.parametrize(
    'imports',
    [
        'import longtail_det, mmengine.runner',
        'import mmengine.runner, longtail_det',
        # what `mim train` and mmdet's own tools do: nothing of ours but custom_imports in the config
        'from mmengine.config import Config\n'
        "Config.fromstring('custom_imports = dict(imports=[\"longtail_det\"])', '.py')",
    ],
)
def test_importing_the_package_is_enough(imports, tmp_path):
    code = f"""
{imports}
def look():
    import longtail_det
    from mmengine.runner.checkpoint import CheckpointLoader, load_from_http
    assert load_from_http.__globals__['load_url'].__module__ == 'longtail_det.compat.mmengine_loaders'
    assert load_from_http.__globals__['torch'].load.__module__ == 'longtail_det.compat.mmengine_loaders'
if __name__ == '__main__':
    import multiprocessing
    look()
    process = multiprocessing.get_context('spawn').Process(target=look)
    process.start()
    process.join()
    assert process.exitcode == 0
    print('checked')
"""
    script = tmp_path / 'script.py'
    script.write_text(code)
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, str(script)], env={'PYTHONPATH': root}, capture_output=True, text=True)
    assert done.stdout.endswith('checked\n'), done.stderr
