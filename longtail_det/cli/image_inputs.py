"""The images that a user names: files, folders, patterns, and the frames of videos."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UserError

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm')


@dataclass(frozen=True)
class InputImage:
    """An image to predict on.

    Args:
        path: the image file, or the video that it is a frame of.
        name: tells it from the other inputs: its path below the folder that all inputs share, without suffix.
        frame: number of the frame, from 0; None for an image file.
        pixels: (H, W, 3) uint8 BGR of a frame; None for an image file, which the pipeline reads.
    """

    path: Path
    name: str
    frame: int | None = None
    pixels: NDArray[np.uint8] | None = None


class ImageInputs:
    """Images in a fixed order; frames are decoded one at a time while iterating.

    Args:
        inputs: image or video files, folders (with the folders in them) and glob patterns.
        every: of a video, use every so manyth frame.

    Raises:
        UserError: nothing of that name, a folder without images, or a file that is neither image nor video.
    """

    def __init__(self, inputs: Sequence[str], every: int = 1) -> None:
        self.every = every
        # each once, however often it is named
        self.paths = list(dict.fromkeys(path for text in inputs for path in _find(text)))
        self._names = _names(self.paths)

    def __len__(self) -> int:
        """Return the number of images; of a video it is what its header says."""
        return sum(-(-_open(path)[1] // self.every) if _is_video(path) else 1 for path in self.paths)

    def __iter__(self) -> Iterator[InputImage]:
        for path, name in zip(self.paths, self._names, strict=True):
            if _is_video(path):
                yield from self._frames(path, name)
            else:
                yield InputImage(path, name)

    def _frames(self, path: Path, name: str) -> Iterator[InputImage]:
        video, _ = _open(path)
        frame = 0
        while video.grab():
            if frame % self.every == 0:
                is_whole, pixels = video.retrieve()
                if is_whole:
                    yield InputImage(path, f'{name}_{frame:06d}', frame, pixels)
            frame += 1
        video.release()
        if not frame:
            raise UserError(f'{path} is no video that OpenCV can decode; convert it, or give its frames as images')


def _find(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_file():
        if path.suffix.lower() not in (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES):
            raise UserError(
                f'{text} is neither image nor video by its name; expected one that ends in '
                f'{", ".join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))}'
            )
        return [path]
    if path.is_dir():
        found = sorted(each for each in path.rglob('*') if each.suffix.lower() in IMAGE_SUFFIXES and each.is_file())
        if not found:
            raise UserError(f'no image in the folder {text}; expected files that end in {", ".join(IMAGE_SUFFIXES)}')
        return found
    # a shell that finds nothing hands on the pattern, and one that is quoted hands it on in any case
    found = sorted(map(Path, glob.glob(str(path), recursive=True)))
    found = [each for each in found if each.suffix.lower() in (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)]
    if not found:
        raise UserError(f'no image, video or folder {text}; correct the path or the pattern')
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each path, with the suffix where two differ in nothing else."""
    # not resolved: a dataset is often a folder of links, and the user knows their names
    whole = [path.absolute() for path in paths]
    shared = os.path.commonpath([path.parent for path in whole]) if whole else ''
    relative = [path.relative_to(shared) for path in whole]
    count = Counter(path.with_suffix('') for path in relative)
    return [str(path.with_suffix('') if count[path.with_suffix('')] == 1 else path) for path in relative]


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _open(path: Path) -> tuple[Any, int]:
    """Return a video and its number of frames."""
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise UserError(f'{path} is no video that OpenCV can decode; convert it, or give its frames as images')
    return video, max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
