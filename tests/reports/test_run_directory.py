from __future__ import annotations

import json
import os

import pytest

from longtail_det.reports.run_directory import (
    DataSource,
    data_source,
    evaluation_command,
    find_config,
    find_predictions,
    find_results,
    read_dumped_config,
    read_train_log,
)

Config = pytest.importorskip('mmengine.config').Config


def write_log(run_dir, timestamp, records, rest=''):
    path = run_dir / timestamp / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(record) + '\n' for record in records) + rest)
    return path


def write_test(run_dir, timestamp, results):
    (run_dir / timestamp).mkdir(parents=True)
    path = run_dir / timestamp / f'{timestamp}.json'
    path.write_text(json.dumps(results))
    return path


def losses(*steps):
    return [{'loss': float(step), 'step': step} for step in steps]


def test_a_resumed_log_is_spliced(tmp_path):
    """Killed after step 50, resumed from step 30."""
    write_log(tmp_path, '20250101_000000', losses(10, 20, 30, 40, 50))
    write_log(tmp_path, '20250102_000000', [{'loss': -1.0, 'step': 40}, *losses(50, 60)])
    log = read_train_log(tmp_path)
    assert [record['step'] for record in log] == [10, 20, 30, 40, 50, 60]
    assert log[3]['loss'] == -1


def test_a_training_started_anew_replaces_the_old_one(tmp_path):
    write_log(tmp_path, '20250101_000000', losses(10, 20, 30))
    write_log(tmp_path, '20250102_000000', losses(10, 20))
    assert [record['step'] for record in read_train_log(tmp_path)] == [10, 20]


def test_a_test_that_logs_no_loss_leaves_the_training_log_whole(tmp_path):
    write_log(tmp_path, '20250101_000000', losses(10, 20))
    write_log(tmp_path, '20250102_000000', [{'time': 0.1, 'step': 0}])
    assert [record['loss'] for record in read_train_log(tmp_path) if 'loss' in record] == [10, 20]


def test_a_last_line_cut_short_is_left_out_and_any_other_named(tmp_path):
    path = write_log(tmp_path, '20250101_000000', losses(10, 20), rest='{"loss": 0.')
    assert len(read_train_log(tmp_path)) == 2
    path.write_text('{"loss"\n{"loss": 1, "step": 1}\n')
    with pytest.raises(ValueError, match=r'scalars\.json, line 1: not json'):
        read_train_log(tmp_path)


def test_a_folder_without_log_gives_none(tmp_path):
    assert read_train_log(tmp_path) == []


def test_results_are_those_of_the_newest_test(tmp_path):
    write_log(tmp_path, '20250109_000000', [{'lvis/bbox_AP': 0.9, 'step': 1}])
    write_test(tmp_path, '20250101_000000', {'lvis/bbox_AP': 0.1})
    newest = write_test(tmp_path, '20250102_000000', {'lvis/bbox_AP': 0.2, 'lvis/segm_APr': 0.3, 'time': 1.0})
    write_test(tmp_path, '20250103_000000', {'time': 1.0})  # format_only
    assert find_results(tmp_path) == ({'bbox': {'AP': 0.2}, 'segm': {'APr': 0.3}}, newest)


def test_without_a_test_results_are_those_of_the_last_validation(tmp_path):
    path = write_log(tmp_path, '20250101_000000', [{'lvis/bbox_AP': 0.1}, {'lvis/bbox_AP': 0.2}, {'loss': 1.0}])
    assert find_results(tmp_path) == ({'bbox': {'AP': 0.2}}, path)


def test_missing_results_name_the_command_that_makes_them(tmp_path):
    (tmp_path / 'cfg.py').touch()
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/iter_9.pth')
    command = (
        f'python tools/test.py {tmp_path}/cfg.py {tmp_path}/iter_9.pth --work-dir {tmp_path} '
        f'--eval bbox segm --out {tmp_path}/results.npz'
    )
    assert evaluation_command(tmp_path) == command
    with pytest.raises(FileNotFoundError) as error:
        find_results(tmp_path)
    assert str(error.value) == f'no test results in {tmp_path}; make them with {command}'


def test_a_pointer_of_a_stranger_is_quoted_where_it_is_to_be_pasted(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('x.pth; rm -rf ~\n')
    assert f"CONFIG '{tmp_path}/x.pth; rm -rf ~' --work-dir" in evaluation_command(tmp_path)


@pytest.mark.parametrize('text', ['[1]', '7', '{"bbox', '[' * 100_000])
def test_a_file_of_results_that_holds_something_else_is_named(text, tmp_path):
    write_test(tmp_path, '20250101_000000', {}).write_text(text)
    with pytest.raises(ValueError, match=r'20250101_000000\.json holds no metrics of a test'):
        find_results(tmp_path)


def test_predictions_are_found_arrays_first(tmp_path):
    assert find_predictions(tmp_path) is None
    for name in ('results.json', 'results.pkl', 'results.npz'):
        (tmp_path / name).touch()
        assert find_predictions(tmp_path) == tmp_path / name


def test_the_newest_config_is_found(tmp_path):
    assert find_config(tmp_path) is None
    (tmp_path / 'vis' / 'vis_data').mkdir(parents=True)
    for age, path in enumerate([tmp_path / 'new.py', tmp_path / 'vis' / 'vis_data' / 'config.py', tmp_path / 'old.py']):
        path.write_text(f'age = {age}')
        os.utime(path, (1e9 - age, 1e9 - age))
    assert read_dumped_config(find_config(tmp_path)) == {'age': 0}


def test_a_config_is_read_without_importing_what_it_names(tmp_path):
    (tmp_path / 'c.py').write_text("custom_imports = dict(imports=['no_such_module'], allow_failed_imports=False)")
    assert read_dumped_config(tmp_path / 'c.py')['custom_imports']['imports'] == ['no_such_module']


def test_a_config_that_is_more_than_data_runs_where_its_reader_says_so(tmp_path):
    (tmp_path / 'c.py').write_text('size = 1 + 1')
    with pytest.raises(ValueError, match=r'c\.py, line 1, holds code \(1 \+ 1\).* give --trust-config, or name'):
        read_dumped_config(tmp_path / 'c.py')
    assert read_dumped_config(tmp_path / 'c.py', trust=True) == {'size': 2}


def test_data_are_found_through_wrappers():
    inner = {'type': 'LVISDataset', 'data_root': 'data/lvis/', 'ann_file': 'annotations/a.json'}
    inner['data_prefix'] = {'img': 'val/'}
    wrapped = {'type': 'RepeatDataset', 'dataset': {'type': 'ClassBalancedDataset', 'dataset': inner}}
    config = Config({'train_dataloader': {'dataset': wrapped}, 'test_dataloader': {'dataset': inner}})
    expected = DataSource('data/lvis/annotations/a.json', None, 'data/lvis/val')
    assert data_source(config, 'train_dataloader') == data_source(config, 'test_dataloader') == expected
    inner = {**inner, 'data_root': None, 'ann_file': '/abs/a.json', 'metainfo': {'classes': ['x', 'y']}}
    config = Config({'test_dataloader': {'dataset': inner}})
    assert data_source(config, 'test_dataloader') == DataSource('/abs/a.json', ('x', 'y'), 'val')


@pytest.mark.parametrize('dataset', [{'type': 'ConcatDataset', 'datasets': []}, {}])
def test_data_without_one_annotation_file_are_asked_for(dataset):
    with pytest.raises(ValueError, match=r'train_dataloader\.dataset names no ann_file; give it on the command line'):
        data_source(Config({'train_dataloader': {'dataset': dataset}}), 'train_dataloader')
