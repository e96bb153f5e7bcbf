"""From another program's file to a checkpoint that loads strictly, and one line for everything that stands between."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from longtail_det import cli
from longtail_det.cli import upgrade_checkpoint

from ..compat.upgrade.models import BGR, RGB, as_detectron2, build, maps, mask_rcnn
from ..compat.upgrade.released import RELEASED
from .conftest import ROOT

SEESAW = {'_delete_': True, 'type': 'SeesawLoss', 'num_classes': 4}
CRA = {'_delete_': True, 'type': 'ClassRelativeActivations', 'num_classes': 4}


@pytest.fixture
def upgrade(workplace):
    """Run the command in an empty folder."""
    return lambda *args: upgrade_checkpoint.main([str(arg) for arg in args])


def write_config(name: str = 'config.py', **options) -> str:
    custom_imports = {'imports': ['longtail_det'], 'allow_failed_imports': False}
    Config({'model': mask_rcnn(**options), 'custom_imports': custom_imports}).dump(name)
    return name


def mmdet2_file(model, name: str = 'old.pth', **meta) -> str:
    meta = {'mmdet_version': '2.21.0', 'CLASSES': tuple('abcd'), 'epoch': 12, 'hook_msgs': {}} | meta
    torch.save({'meta': meta, 'state_dict': model.state_dict(), 'optimizer': {'state': {}}}, name)
    return name


def load(name: str = 'new.pth') -> dict:
    return torch.load(name, weights_only=True)


def test_mmdet_2_to_a_checkpoint_that_loads_strictly(upgrade, capsys):
    original = build(mask_rcnn(loss_cls=SEESAW))
    assert upgrade(mmdet2_file(original), 'out/new.pth', '--config', write_config(loss_cls=SEESAW)) == 0
    saved = load('out/new.pth')
    assert saved.keys() == {'meta', 'state_dict'}
    build(mask_rcnn(loss_cls=SEESAW), seed=1).load_state_dict(saved['state_dict'], strict=True)
    for name, value in original.state_dict().items():
        assert torch.equal(saved['state_dict'][name], value), name
    assert saved['meta']['dataset_meta'] == {'classes': tuple('abcd')}
    origin = saved['meta']['converted_from']
    assert (origin['format'], origin['file'], origin['mmdet_version'], origin['epoch']) == (
        'mmdet2',
        'old.pth',
        '2.21.0',
        12,
    )
    assert len(origin['sha256']) == 64
    out = capsys.readouterr().out
    assert f'fits: {len(original.state_dict())} weights' in out
    assert 'missing' not in out
    assert list(Path('out').iterdir()) == [Path('out/new.pth')]


@pytest.mark.parametrize('suffix', ['.pth', '.pkl'])
@pytest.mark.parametrize('images', [BGR, RGB], ids=['bgr', 'rgb'])
def test_detectron2_to_a_model_of_either_channel_order(suffix, images, upgrade, capsys):
    original = build(mask_rcnn(preprocessor=BGR))
    weights = as_detectron2(original)
    if suffix == '.pkl':
        arrays = {name: value.numpy() for name, value in weights.items()}
        Path('d2.pkl').write_bytes(pickle.dumps({'model': arrays, '__author__': 'Detectron2 Model Zoo'}))
    else:
        torch.save({'model': weights, 'iteration': 89999}, 'd2.pth')
    assert upgrade(f'd2{suffix}', 'new.pth', '--config', write_config(preprocessor=images)) == 0
    converted = build(mask_rcnn(preprocessor=images), seed=1)
    saved = load()
    converted.load_state_dict(saved['state_dict'], strict=True)
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for ours, theirs in zip(maps(converted.double(), image), maps(original.double(), image), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    out = capsys.readouterr().out
    assert (
        "trained on images of BGR, mean [103.53, 116.28, 123.675], std [1.0, 1.0, 1.0], strides of style='caffe'" in out
    )
    order = 'RGB' if images['bgr_to_rgb'] else 'BGR'
    assert saved['meta']['converted_from']['image_input'].startswith(order)
    assert f'first convolution changed to images of {order}' in out


def test_without_a_config_the_file_says_what_a_config_has_to_say(upgrade, capsys):
    torch.save({'model': as_detectron2(build(mask_rcnn()))}, 'd2.pth')
    assert upgrade('d2.pth', 'new.pth') == 0
    out = capsys.readouterr().out
    assert 'not checked against a model; give --config' in out
    assert 'the config has to say so in model.data_preprocessor and model.backbone.style' in out
    assert load()['meta']['converted_from']['image_input'].startswith('BGR')


def test_given_means_and_stds_replace_the_defaults(upgrade):
    torch.save({'model': as_detectron2(build(mask_rcnn(preprocessor=RGB)))}, 'd2.pth')
    config = write_config(preprocessor=RGB)
    old = build(mask_rcnn(preprocessor=RGB)).backbone.conv1.weight
    options = ['--config', config, '--pixel-mean', '103.53', '116.28', '123.675']
    assert upgrade('d2.pth', 'new.pth', *options, '--pixel-std', '57.375', '57.12', '58.395') == 0
    # the same scale as the config: only the channels are turned round
    torch.testing.assert_close(load()['state_dict']['backbone.conv1.weight'], old.flip(1))


def damage(state: dict) -> dict:
    state = dict(state)
    del state['neck.fpn_convs.0.conv.bias']
    state['neck.extra.weight'] = torch.zeros(1)
    state['rpn_head.rpn_cls.bias'] = torch.zeros(7)
    return state


def test_what_does_not_fit_is_reported_both_ways_and_nothing_is_written(upgrade, capsys):
    state = damage(build(mask_rcnn()).state_dict())
    torch.save({'state_dict': state}, 'old.pth')
    config = write_config()
    assert upgrade('old.pth', 'new.pth', '--config', config) == 2
    out, err = capsys.readouterr()
    for line in (
        'missing in the checkpoint: 1\n    neck.fpn_convs.0.conv.bias',
        'unused by the config: 1\n    neck.extra.weight',
        'of another shape: 1\n    rpn_head.rpn_cls.bias: (7,) in the checkpoint, (3,) in the config',
    ):
        assert line in out
    assert '1 missing, 1 unused, 1 of another shape; ' in err
    assert len(err.splitlines()) == 1
    assert not Path('new.pth').exists()

    assert upgrade('old.pth', 'new.pth', '--config', config, '--allow-partial') == 0
    saved = load()['state_dict']
    wrong = {'neck.fpn_convs.0.conv.bias', 'rpn_head.rpn_cls.bias'}
    assert saved.keys() == build(mask_rcnn()).state_dict().keys() - wrong


def test_another_number_of_classes_names_the_key(upgrade, capsys):
    old = mmdet2_file(build(mask_rcnn(num_classes=5)))
    assert upgrade(old, 'new.pth', '--config', write_config()) == 2
    error = capsys.readouterr().err
    assert 'the checkpoint has 5 classes, the config 4; set num_classes=5 in the config' in error


def test_statistics_of_a_loss_can_be_given(upgrade, capsys):
    """ClassRelativeActivations needs them to test, and mmdet 2.x did not save them."""
    from longtail_det.statistics import ClassStatistics

    model = build(mask_rcnn())
    old, config = mmdet2_file(model), write_config(loss_cls=CRA)
    assert upgrade(old, 'new.pth', '--config', config) == 0
    assert 'new, filled by training or by --class-statistics: 2' in capsys.readouterr().out
    assert load()['state_dict']['roi_head.bbox_head.loss_cls.num_images'] == 0

    import json

    stats = ClassStatistics([500, 3, 200, 40], [600, 3, 900, 90], 1000, tuple('abcd'))
    Path('stats.json').write_text(json.dumps(stats.to_dict()))
    assert upgrade(old, 'new.pth', '--config', config, '--class-statistics', 'stats.json', '--overwrite') == 0
    loss = load()['state_dict']
    assert loss['roi_head.bbox_head.loss_cls.is_frequent'].tolist() == [True, False, True, False]
    assert loss['roi_head.bbox_head.loss_cls.num_images'] == 1000


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['none.pth', 'new.pth'], 'checkpoint not found: none.pth'),
        (['old.pth', 'new.pkl'], 'new.pkl: expected a name that ends in .pth'),
        (['old.pth', 'there.pth'], 'there.pth exists already'),
        (['old.pth', 'old.pth', '--overwrite'], 'never SRC itself'),
        (['old.pth', 'new.pth', '--config', 'none.py'], 'config file not found: none.py'),
        (['old.pth', 'new.pth', '--config', 'empty.py'], 'empty.py has no model'),
        (['old.pth', 'new.pth', '--config', 'broken.py'], 'cannot read config broken.py'),
        (['old.pth', 'new.pth', '--from', 'detectron2'], '--from detectron2, but old.pth is of mmdet2'),
        (['old.pth', 'new.pth', '--from', 'caffe'], "invalid choice: 'caffe'"),
        (['cut.pth', 'new.pth'], 'cut.pth'),
        (['new3.pth', 'new.pth'], 'new3.pth is of mmdet 3.x already'),
        (['other.pth', 'new.pth'], 'is of neither mmdet 2.x nor detectron2'),
        (['old.pth', 'new.pth', '--config', 'config.py', '--class-statistics', 'none.json'], 'none.json'),
        (
            ['old.pth', 'new.pth', '--config', 'config.py', '--class-statistics', 'stats.json'],
            'nothing in the model of the config keeps class statistics',
        ),
        (['d2.pth', 'new.pth', '--config', 'style.py'], '--style pytorch if you know'),
        (['d2.pth', 'new.pth', '--config', 'mean.py'], 'set model.data_preprocessor.mean=[123.675, 116.28, 103.53]'),
        (['d2.pth', 'new.pth', '--config', 'unknown.py'], 'no model.data_preprocessor with mean and std'),
        (['code.pkl', 'new.pth'], 'unpickling it can run code'),
        (['foreign.pth', 'new.pth', '--config', 'config.py', '--allow-partial'], 'not one weight of foreign.pth fits'),
    ],
)
def test_a_mistake_is_one_line(args, message, upgrade, capsys, tmp_path):
    model = build(mask_rcnn())
    mmdet2_file(model)
    torch.save({'state_dict': model.state_dict(), 'meta': {'mmengine_version': '0.10.7'}}, 'new3.pth')
    torch.save({'state_dict': {'fc.weight': torch.zeros(1)}}, 'other.pth')
    torch.save({'state_dict': {'backbone.unheard_of': torch.zeros(1)}}, 'foreign.pth')
    torch.save({'model': as_detectron2(model)}, 'd2.pth')
    Path('code.pkl').write_bytes(pickle.dumps(print))
    Path('there.pth').touch()
    Path('cut.pth').write_bytes(Path('old.pth').read_bytes()[:5000])
    Path('empty.py').write_text('x = 1')
    Path('broken.py').write_text('model = dict(')
    Path('stats.json').write_text('{"image_count": [1, 1, 1, 1], "instance_count": [1, 1, 1, 1], "num_images": 4}')
    write_config()
    for name, changes in {
        'style.py': {'backbone': {'style': 'pytorch'}},
        'mean.py': {'data_preprocessor': {'mean': [127.5] * 3}},
        'unknown.py': {'data_preprocessor': {'mean': None}},
    }.items():
        cfg = Config.fromfile('config.py')
        cfg.merge_from_dict({'model': changes})
        cfg.dump(name)
    assert upgrade(*args) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert ': error: ' in lines[0]
    assert message in lines[0]
    assert not Path('new.pth').exists()
    assert not list(tmp_path.glob('*.tmp'))


def test_the_examples_of_the_help_run(workplace, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(['upgrade-checkpoint', '--help'])
    assert leaving.value.code == 0
    text = capsys.readouterr().out.split('Example:')[1].split('positional arguments')[0].replace('\\\n', ' ')
    commands = [line.split() for line in text.strip().splitlines()]
    assert len(commands) == 2
    (workplace / 'configs').symlink_to(ROOT / 'configs')
    torch.save(RELEASED['gol-droploss-r50'].checkpoint(), 'gol_r50.pth')
    arrays = {name: np.zeros(shape, np.float32) for name, shape in RELEASED['rio-r50'].shapes().items()}
    Path('model_final.pkl').write_bytes(pickle.dumps({'model': arrays}))
    for command in commands:
        assert command[0] == 'longtail-det'
        assert cli.main(command[1:]) == 0, capsys.readouterr().err
