"""Nothing from a stranger is executed: every way in for a checkpoint, with a payload that would leave a trace."""

from __future__ import annotations

import json
import pickle
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.model import BaseModule
from mmengine.runner import checkpoint
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint

from ..served import served
from .payloads import PAYLOADS, ROOT, RUNS, TOY_CONFIG, RunsCode, place, refused, run

GLYPHS = ROOT / 'configs/glyphs/mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
pytestmark = pytest.mark.usefixtures(place.__name__)
each_format = pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'old format'])
each_payload = pytest.mark.parametrize('payload', PAYLOADS)


def evil_checkpoint(payload='a call', zipped=True):
    content = {'state_dict': {}, 'meta': {'iter': 1, 'epoch': 0}, 'more': PAYLOADS[payload]}
    torch.save(content, 'evil.pth', _use_new_zipfile_serialization=zipped)
    return 'evil.pth'


@each_format
@each_payload
def test_freely_loaded_each_payload_has_its_way(payload, zipped):
    with suppress(AttributeError):
        found = torch.load(evil_checkpoint(payload, zipped), weights_only=False)['more']
    if payload == 'an attribute':
        assert callable(found)
    elif payload != 'a call in a storage':  # torch since 2.6 looks into storages by itself
        Path('trace').unlink()
    Path('trace').unlink(missing_ok=True)


@each_format
@each_payload
def test_no_payload_runs_in_a_checkpoint(payload, zipped, capfd):
    refused(capfd, 'test', TOY_CONFIG, evil_checkpoint(payload, zipped))


@pytest.fixture
def addresses(place, monkeypatch):
    """An evil checkpoint at an address of every prefix that mmengine knows."""
    content = Path(evil_checkpoint()).read_bytes()
    home = place / 'MMENGINE_HOME'
    home.mkdir()
    (home / 'local.pth').write_bytes(content)

    class Backend:
        def get(self, _):
            return content

    with served(place) as address:
        table = {'evil': f'{address}/evil.pth', 'local': 'local.pth'}
        (home / 'open_mmlab.json').write_text(json.dumps(table))
        for name in ('get_torchvision_models', 'get_mmcls_models'):
            monkeypatch.setattr(checkpoint, name, lambda: table)
        monkeypatch.setattr(checkpoint, 'get_file_backend', lambda *args, **kwargs: Backend())
        yield {
            'file': str(place / 'evil.pth'),
            'http': f'{address}/evil.pth',
            'torchvision': 'torchvision://evil',
            'modelzoo': 'modelzoo://evil',
            'open-mmlab': 'open-mmlab://evil',
            'openmmlab': 'openmmlab://evil',
            'openmmlab in a folder': 'openmmlab://local',
            'mmcls': 'mmcls://evil',
            's3': 's3://bucket/evil.pth',
            'petrel': 'cluster:petrel://bucket/evil.pth',
        }


PREFIXES = (
    'file', 'http', 'torchvision', 'modelzoo', 'open-mmlab', 'openmmlab', 'openmmlab in a folder', 'mmcls', 's3',
    'petrel',
)  # fmt: skip


def test_every_prefix_of_mmengine_is_in_the_table():
    """pavi:// asks for a package that nobody can install; its loader calls the same `torch.load`."""
    assert set(CheckpointLoader._schemes) == {
        '', 'http://', 'https://', 'torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://', 'mmcls://', 'pavi://',
        r'(\S+\:)?s3://', r'(\S+\:)?petrel://',
    }  # fmt: skip


@pytest.mark.parametrize('prefix', PREFIXES)
def test_no_prefix_runs_a_checkpoint(prefix, addresses):
    with pytest.raises(ValueError, match='can run code'):
        load_checkpoint(torch.nn.Linear(1, 1), addresses[prefix])


@pytest.mark.parametrize('part', [{}, {'prefix': 'backbone.'}], ids=['whole', 'a part'])
@pytest.mark.parametrize('prefix', PREFIXES)
def test_init_cfg_runs_no_checkpoint(prefix, part, addresses):
    module = BaseModule({'type': 'Pretrained', 'checkpoint': addresses[prefix], **part})
    with pytest.raises(ValueError, match='can run code'):
        module.init_weights()


def derived(line):
    Path('derived.py').write_text(f'_base_ = {str(TOY_CONFIG)!r}\n{line}\n')
    return 'derived.py'


def pointed_to(where):
    Path('run').mkdir()
    shutil.copy('evil.pth', 'run/iter_2.pth')
    Path('run/last_checkpoint').write_text(where)
    return 'run'


def second_stage(where):
    return derived(
        f'custom_hooks = [dict(type="mmdet.FirstStageHook", first_stage={where!r})]\n'
        'custom_imports = dict(imports=["toy_detector", "longtail_det"], allow_failed_imports=False)'
    )


WAYS = {
    'test CHECKPOINT': lambda where: ['test', TOY_CONFIG, where],
    'calibrate CHECKPOINT': lambda where: ['calibrate', GLYPHS, where],
    'train --resume CHECKPOINT': lambda where: ['train', TOY_CONFIG, '--resume', where],
    'train --resume by the pointer': lambda where: ['train', TOY_CONFIG, '--work-dir', pointed_to(where), '--resume'],
    'train, load_from in the config': lambda where: ['train', derived(f'load_from = {where!r}')],
    'train --first-stage': lambda where: ['train', second_stage('none'), '--first-stage', where],
    'train, first_stage in the config': lambda where: ['train', second_stage(where)],
}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('prefix', ['file', 'http', 'open-mmlab'])
def test_no_command_runs_a_checkpoint(way, prefix, addresses, capfd):
    refused(capfd, *WAYS[way](addresses[prefix]))


@pytest.mark.parametrize('suffix', ['.pth', '.pkl'])
def test_upgrading_runs_no_checkpoint(suffix, capfd):
    Path(evil_checkpoint()).rename('old.pth')
    Path('old.pkl').write_bytes(pickle.dumps({'model': {}, 'more': RunsCode()}))
    refused(capfd, 'upgrade-checkpoint', f'old{suffix}', 'new.pth')


def trained(change):
    """The checkpoint of a run of the toy, changed."""
    assert run('train', derived('train_cfg = dict(max_iters=2)'), '--work-dir', 'first') == 0
    saved = torch.load('first/iter_2.pth', weights_only=False)
    change(saved)
    torch.save(saved, 'changed.pth')
    return str(Path('changed.pth').absolute())


def test_resuming_runs_no_config_of_a_checkpoint():
    path = trained(lambda saved: saved['meta'].update(config=RUNS, cfg=RUNS))
    assert run('train', TOY_CONFIG, '--work-dir', 'again', '--resume', path) == 0
    assert Path('again/iter_4.pth').is_file()


@pytest.mark.parametrize('part', ['meta', 'message_hub'])
def test_the_inferencer_runs_no_config_of_a_checkpoint(part):
    def change(saved):
        runtime, meta = saved['message_hub']['runtime_info'], saved['meta']
        runtime.pop('cfg', None), meta.pop('cfg', None)
        (meta if part == 'meta' else runtime)['cfg'] = RUNS

    with pytest.raises(ValueError, match='Cannot find the config in the checkpoint'):
        BaseInferencer._init_model(None, Config(), trained(change))
