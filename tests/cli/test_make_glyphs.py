from __future__ import annotations

import pytest

from longtail_det.cli import make_glyphs

SMALL = '--preset tiny --num-classes 4 --num-train 40 --num-val 8 --image-size 64 --head-share 0.5 --val-instances 4'


def test_it_makes_a_set_and_prints_its_groups(tmp_path, capsys):
    assert make_glyphs.main(['--out', str(tmp_path / 'glyphs'), *SMALL.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f'LongTailGlyphs in {tmp_path}/glyphs: made in' in lines[0]
    table = {line.split()[0]: line.split()[1:] for line in lines[2:6]}
    assert table['rare'][0] == '1'
    assert table['common'][:2] == ['3', '12-20']
    assert table['frequent'] == ['0', '-', '0', '0']
    assert table['all'][0] == '4'
    assert table['all'][-1] == '16'
    assert lines[6].startswith('8 validation images')
    assert len(list((tmp_path / 'glyphs' / 'train2017').iterdir())) == 40


def test_twice_is_once(tmp_path, capsys):
    command = ['--out', str(tmp_path), *SMALL.split()]
    assert make_glyphs.main(command) == 0
    assert make_glyphs.main(command) == 0
    assert 'was there already' in capsys.readouterr().out
    assert make_glyphs.main([*command, '--overwrite']) == 0
    assert 'made in' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('--num-classes 1500', 'num_classes=1500; expected a whole number, at least 1 and at most 1203'),
        ('--num-classes 1203', 'instances of 1203 classes on num_train 3000 images need max_instances'),
        ('--num-val 50', 'num_val is 50; 16 instances of each of 80 classes'),
        ('--num-train 10', 'raise num_train or head_share'),
        ('--seed -1', 'seed=-1; expected a whole number, at least 0'),
        ('--num-train many', '--num-train: found many, expected a whole number'),
        ('--presets tiny', 'unrecognized arguments'),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, capsys, options, message):
    assert make_glyphs.main(['--out', str(tmp_path / 'glyphs'), *options.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert ': error: ' in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'glyphs').exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    assert make_glyphs.main(['--out', str(tmp_path / 'file' / 'glyphs'), *SMALL.split()]) == 2
    error = capsys.readouterr().err
    assert f'cannot write to {tmp_path}/file/glyphs (Not a directory); choose another --out' in error
    assert error.count('\n') == 1


def test_a_foreign_folder_is_one_line(tmp_path, capsys):
    (tmp_path / 'mine.txt').write_text('')
    assert make_glyphs.main(['--out', str(tmp_path), *SMALL.split()]) == 2
    assert 'holds no LongTailGlyphs dataset' in capsys.readouterr().err
