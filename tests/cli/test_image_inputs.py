"""The images that a user names, and how they are told apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from longtail_det.cli.errors import UserError
from longtail_det.cli.image_inputs import ImageInputs


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


def names(*inputs) -> list[str]:
    return [image.name for image in ImageInputs(inputs)]


def test_files_folders_and_patterns_give_each_image_once(files):
    files('a/1.jpg', 'a/deep/2.PNG', 'a/notes.txt', 'b/3.jpg', 'b/4.jpg')
    inputs = ImageInputs(['b/4.jpg', 'a', 'b/*.jpg', '*/*.txt*', 'a/**/*.jpg'][:3])
    assert [str(path) for path in inputs.paths] == ['b/4.jpg', 'a/1.jpg', 'a/deep/2.PNG', 'b/3.jpg']
    assert len(inputs) == 4
    assert names('a/**/*.jpg', 'a/deep/2.PNG') == ['1', 'deep/2']


def test_names_are_below_the_shared_folder_and_distinct(files):
    files('a/1.jpg', 'b/1.jpg', 'b/2.jpg', 'b/2.png')
    assert names('a/1.jpg') == ['1']
    assert names('a', 'b') == ['a/1', 'b/1', 'b/2.jpg', 'b/2.png']


@pytest.mark.parametrize('every', [1, 2, 3, 7])
def test_every_nth_frame_is_an_image(tmp_path, every):
    path = tmp_path / 'clip.avi'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 5, (32, 24))
    for frame in range(7):
        video.write(np.full((24, 32, 3), 30 * frame, np.uint8))
    video.release()
    inputs = ImageInputs([str(path)], every)
    frames = list(inputs)
    assert [image.frame for image in frames] == list(range(0, 7, every))
    assert len(inputs) == len(frames)
    for image in frames:
        assert image.name == f'clip_{image.frame:06d}'
        assert abs(int(image.pixels.mean()) - 30 * image.frame) < 4


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ('none*.jpg', r'no image, video or folder none\*\.jpg'),
        ('empty', 'no image in the folder empty'),
        ('notes.txt', r'notes\.txt is neither image nor video by its name'),
        ('bad.mp4', r'bad\.mp4 is no video that OpenCV can decode'),
    ],
)
def test_what_is_no_image_is_one_line(files, tmp_path, given, message):
    files('notes.txt', 'bad.mp4')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match=message) as error:
        list(ImageInputs([given]))
    assert '\n' not in str(error.value)
