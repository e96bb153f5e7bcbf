"""The newest whole checkpoint is found whatever happened to the others."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from longtail_det.engine.resume import find_checkpoints, find_newest_whole
from longtail_det.engine.resume.checkpoint_files import remove_unfinished, set_aside, write_pointer


def save(path, number=0):
    torch.save({'meta': {'iter': number}, 'weights': torch.arange(9000.0)}, path)


@pytest.fixture
def work_dir(tmp_path):
    for number in (2, 10, 4):
        save(tmp_path / f'iter_{number}.pth', number)
    save(tmp_path / 'best_coco_iter_12.pth')
    save(tmp_path / 'pretrained.pth')
    return tmp_path


def test_the_largest_number_is_the_newest_and_other_weights_do_not_count(work_dir):
    os.utime(work_dir / 'iter_2.pth')
    assert [path.name for path in find_checkpoints(work_dir)] == ['iter_10.pth', 'iter_4.pth', 'iter_2.pth']


def test_one_saved_in_the_middle_of_an_epoch_lies_between_two(tmp_path):
    for name in ('epoch_2.pth', 'epoch_3.pth', 'epoch_2_iter_250.pth', 'step_7.pth'):
        save(tmp_path / name)
    names = [path.name for path in find_checkpoints(tmp_path, 'epoch_{}.pth')]
    assert names == ['epoch_3.pth', 'epoch_2_iter_250.pth', 'epoch_2.pth']
    assert find_checkpoints(tmp_path, 'step_{}.pth')[0].name == 'step_7.pth'


@pytest.mark.parametrize('part', [0, 0.1, 0.5, 0.99, 'one byte'])
def test_one_that_is_cut_short_is_skipped_and_named(part, work_dir):
    path = work_dir / 'iter_10.pth'
    size = path.stat().st_size
    os.truncate(path, size - 1 if part == 'one byte' else int(part * size))
    choice = find_newest_whole(work_dir)
    assert choice.path == work_dir / 'iter_4.pth'
    assert list(choice.skipped) == ['iter_10.pth']
    assert 'is cut short or garbled' in choice.describe_skipped()


def test_a_flipped_bit_is_found(work_dir):
    path = work_dir / 'iter_10.pth'
    content = bytearray(path.read_bytes())
    content[content.index(torch.tensor([5000.0, 5001.0]).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    choice = find_newest_whole(work_dir)
    assert choice.path == work_dir / 'iter_4.pth'
    assert 'a checksum in iter_10.pth is wrong' in choice.describe_skipped()


def test_the_state_of_every_rank_is_part_of_a_checkpoint(work_dir):
    save(work_dir / 'iter_10.pth.rank1')
    assert find_newest_whole(work_dir).path == work_dir / 'iter_10.pth'
    os.truncate(work_dir / 'iter_10.pth.rank1', 100)
    choice = find_newest_whole(work_dir)
    assert choice.path == work_dir / 'iter_4.pth'
    assert 'iter_10.pth.rank1 (100 bytes) is cut short' in choice.describe_skipped()


def test_a_moved_folder_needs_no_pointer(work_dir, tmp_path_factory):
    write_pointer(work_dir, str(work_dir / 'iter_10.pth'))
    assert (work_dir / 'last_checkpoint').read_text() == 'iter_10.pth'
    (work_dir / 'last_checkpoint').write_text('\0garbled')
    moved = tmp_path_factory.mktemp('moved') / 'here'
    shutil.move(work_dir, moved)
    assert find_newest_whole(moved).path == moved / 'iter_10.pth'


def test_what_is_set_aside_is_not_found_again(work_dir):
    save(work_dir / 'iter_10.pth.rank1')
    target = set_aside(find_checkpoints(work_dir))
    assert find_checkpoints(work_dir) == []
    assert {path.name for path in target.iterdir()} == {
        'iter_2.pth', 'iter_4.pth', 'iter_10.pth', 'iter_10.pth.rank1',
    }  # fmt: skip
    assert set_aside([]) is None


def test_what_a_killed_run_was_writing_is_removed(work_dir):
    (work_dir / 'iter_12.pth.123.tmp').write_bytes(b'half')
    remove_unfinished(work_dir)
    assert not list(work_dir.glob('*.tmp'))
    assert len(find_checkpoints(work_dir)) == 3
