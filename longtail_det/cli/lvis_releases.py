"""The releases of LVIS: what their files are called, where they are, how large they are, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass

#: the annotations of v1, and all images, which are those of COCO 2017
ANNOTATIONS_URL = 'https://dl.fbaipublicfiles.com/LVIS/'
IMAGES_URL = 'http://images.cocodataset.org/zips/'


@dataclass(frozen=True)
class Split:
    """One annotation file.

    Args:
        file: its name in `annotations/`; the archive to download is called the same with `.zip` behind.
        folder: where its images are; '' where the file says so itself, image by image.
        num_images: records of images.
        num_annotations: records of annotations, None where no number is published.
        num_annotated: images with an annotation, None where no number is published.
        groups: rare, common and frequent classes, None for a split that does not define them.
        archive_gb: about how much there is to download.
        size_gb: about how much it takes unpacked.
    """

    file: str
    folder: str
    num_images: int
    num_annotations: int | None
    num_annotated: int | None
    groups: tuple[int, int, int] | None
    archive_gb: float
    size_gb: float


@dataclass(frozen=True)
class Images:
    """One folder of images; its archive is called the same with `.zip` behind.

    Args:
        folder: name of the folder.
        num_images: files in it.
        size_gb: about how much it takes, packed or not.
    """

    folder: str
    num_images: int
    size_gb: float


@dataclass(frozen=True)
class Release:
    """A version of LVIS.

    Args:
        version: as in `--version`.
        root: folder that the configs look in.
        num_classes: categories of each file.
        annotations_url: where the archives of the splits are; None where they are no longer published.
        splits: by name.
        images: folders that hold the images of all splits.
    """

    version: str
    root: str
    num_classes: int
    annotations_url: str | None
    splits: dict[str, Split]
    images: tuple[Images, ...]


_COCO_2017 = (Images('train2017', 118_287, 19.4), Images('val2017', 5_000, 0.9))

RELEASES = {
    'v1': Release(
        version='v1',
        root='data/lvis_v1',
        num_classes=1203,
        annotations_url=ANNOTATIONS_URL,
        splits={
            'train': Split('lvis_v1_train.json', '', 100_170, 1_270_141, 99_388, (337, 461, 405), 0.4, 1.2),
            'val': Split('lvis_v1_val.json', '', 19_809, 244_707, None, None, 0.1, 0.2),
        },
        images=_COCO_2017,
    ),
    'v0.5': Release(
        version='v0.5',
        root='data/lvis_v0.5',
        num_classes=1230,
        annotations_url=None,
        splits={
            'train': Split('lvis_v0.5_train.json', 'train2017', 57_263, None, None, (454, 461, 315), 0.3, 0.7),
            'val': Split('lvis_v0.5_val.json', 'val2017', 5_000, None, None, None, 0.1, 0.1),
        },
        images=_COCO_2017,
    ),
}
