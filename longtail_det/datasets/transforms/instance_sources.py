"""Where pasted instances come from: the images of a dataset, or a folder of cut-out instances."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from numpy.typing import NDArray

from ..image_labels import read_image_labels
from ..image_loading import run_pipeline

_SUFFIXES = ('.png', '.webp')


@dataclass(frozen=True)
class Instance:
    """A cut-out instance.

    Args:
        pixels: (h, w, 3) uint8 BGR.
        mask: (h, w) bool.
        image_shape: height and width of the image it was cut from, in pixels; None where there is none.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    image_shape: tuple[int, int] | None = None


class DatasetInstances:
    """Instances of the images of a dataset, each as its own annotation has it.

    Args:
        dataset: an initialized dataset; its transforms before the one that pastes load image and masks.
        loaders: these transforms.
    """

    def __init__(self, dataset: Any, loaders: Sequence[Any]) -> None:
        self.dataset = dataset
        self.loaders = loaders
        self._images, self._offsets = read_image_labels(dataset).images_by_class()

    @property
    def counts(self) -> NDArray[np.int64]:
        """(C,) images that hold the class."""
        return np.diff(self._offsets)

    def draw(self, label: int) -> Instance | None:
        """Return a random instance of a random image of a class, or None where its mask is empty.

        Args:
            label: class index with `counts > 0`.
        """
        index = self._images[np.random.randint(self._offsets[label], self._offsets[label + 1])]
        data = self.dataset.get_data_info(int(index))
        own = [one for one in data['instances'] if one['bbox_label'] == label and not one.get('ignore_flag', 0)]
        # only the one that is wanted is loaded
        data['instances'] = [own[np.random.randint(len(own))]]
        data = run_pipeline(self.loaders, data)
        if data is None:
            return None
        mask = data['gt_masks'].to_ndarray()[0].astype(bool)
        return cut_out(data['img'], mask, data['img'].shape[:2])


class InstancePool:
    """Instances of a folder `<class name>/*.png` of images with an alpha channel, which others drew or generated.

    Args:
        folder: holds a folder for each class, named as the class; `/` in a name is written `_`.
        names: the classes of the dataset.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ValueError: a folder that is named as no class.
    """

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        root = Path(folder)
        if not root.is_dir():
            raise FileNotFoundError(f'pool {folder} does not exist; expected <class name>/*.png in it')
        label_of = {name.replace('/', '_'): label for label, name in enumerate(names)}
        self._files: dict[int, list[Path]] = {}
        for path in sorted(path for path in root.iterdir() if path.is_dir()):
            if path.name not in label_of:
                close = difflib.get_close_matches(path.name, label_of, n=3)
                hint = f'; did you mean {" or ".join(close)}?' if close else ''
                raise ValueError(f'{path} is named as none of the {len(names)} classes of the dataset{hint}')
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
            if files:
                self._files[label_of[path.name]] = files
        if not self._files:
            raise FileNotFoundError(f'pool {folder} holds no image; expected <class name>/*.png in it')
        self._num_classes = len(names)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(C,) files of the class."""
        return np.array([len(self._files.get(label, ())) for label in range(self._num_classes)])

    def draw(self, label: int) -> Instance | None:
        """Return a random instance of a class, or None where it is transparent throughout.

        Args:
            label: class index with `counts > 0`.

        Raises:
            ValueError: an image without an alpha channel.
        """
        file = self._files[label][np.random.randint(len(self._files[label]))]
        image = mmcv.imread(str(file), flag='unchanged', backend='cv2')
        if image is None or image.ndim != 3 or image.shape[2] != 4:
            raise ValueError(f'{file} has no alpha channel; expected a PNG of red, green, blue and alpha')
        return cut_out(np.ascontiguousarray(image[..., :3]), image[..., 3] >= 128, None)


def cut_out(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], image_shape: tuple[int, int] | None) -> Instance | None:
    """Return the part of an image around a mask, or None for an empty mask.

    Args:
        pixels: (H, W, 3) image.
        mask: (H, W).
        image_shape: handed on.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Instance(pixels[window], mask[window], image_shape)
