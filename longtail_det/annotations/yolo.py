"""Read a folder of YOLO labels: a text file an image, a line an object, in shares of the image's width and height."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .bad_records import BadRecords
from .columns import AnnotationColumns, tabulate
from .gc_pause import gc_pause
from .yolo_names import NAME_FILES, read_yolo_names

#: pixels of a side; label files do not tell it, and at this one no box but an empty one is below a pixel
NOMINAL_SIDE = 2**14
_SPLITS = ('train', 'val', 'valid', 'test')


def read_yolo_columns(folder: str | Path, name: str, *, show_progress: bool = False) -> AnnotationColumns:
    """Read a folder of YOLO labels into the columns of an annotation file; the images need not be there.

    A line is `class x y width height` (center and size of the box) or `class x1 y1 x2 y2 x3 y3 ...` (a polygon, of
    which the box is taken), all but the class in [0, 1]. The class names are those in the first of `data.yaml`,
    `data.yml` and `classes.txt` (one a line) that is found in the folder of the files or in the two above it;
    otherwise the classes are the numbers that occur. Every image is `NOMINAL_SIDE` pixels wide and high; its name is
    that of its label file. An empty file is an image without an object.

    Args:
        folder: `labels`, or a folder that has `labels` in it; label files may be in folders below.
        name: the folder, as messages name it.
        show_progress: whether to draw a progress bar.

    Returns:
        Columns without masks; category id = class number of the label files.

    Raises:
        ValueError: no label file, the label files of several splits, or a file of names that holds none.
    """
    folder = Path(folder)
    root = folder / 'labels' if (folder / 'labels').is_dir() else folder
    paths = [path for path in sorted(root.rglob('*.txt')) if path.name not in NAME_FILES]
    if not paths:
        raise ValueError(f'{name} holds no YOLO label file; expected a .txt file for each image, in it or in labels')
    splits = [split for split in _SPLITS if (root / split).is_dir()]
    if len(splits) > 1:
        raise ValueError(f'{name} holds several splits ({", ".join(splits)}); give the folder of one of them')
    bad = BadRecords(name)
    with gc_pause():
        arrays = _read_labels(root, paths, read_yolo_names(root), bad, show_progress)
        columns = tabulate(arrays, name, masks=False)
    columns.bad.update(bad)
    return columns


def _read_labels(
    root: Path, paths: list[Path], names: list[str] | None, bad: BadRecords, show_progress: bool
) -> dict[str, Any]:
    """Return the records of an annotation file."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, path in enumerate(_with_progress(paths, show_progress)):
        label_file = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding='utf-8-sig')
        except UnicodeDecodeError:
            bad.add('label files that are no text', f'{label_file} is not UTF-8')
            continue
        images.append({'id': image_id, 'height': NOMINAL_SIDE, 'width': NOMINAL_SIDE, 'file_name': label_file})
        for number, line in enumerate(text.splitlines(), start=1):
            fields = line.split()
            if not fields:
                continue
            values, fault = _parse(fields, names)
            if fault:
                bad.add('malformed lines', f'{label_file}:{number}: {fault}')
            else:
                annotations.append(_record(len(annotations), image_id, values))
    classes = range(len(names)) if names is not None else sorted({each['category_id'] for each in annotations})
    categories = [{'id': c, 'name': str(c) if names is None else names[c]} for c in classes]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def _with_progress(paths: list[Path], show_progress: bool) -> Iterator[Path]:
    if not show_progress:
        return iter(paths)
    from tqdm import tqdm

    return iter(tqdm(paths, unit=' label files', desc='reading'))


def _parse(fields: list[str], names: list[str] | None) -> tuple[list[float], str]:
    """Return the numbers of a line, and what is wrong with them; empty where all is well."""
    try:
        values = [float(field) for field in fields]
    except ValueError:
        return [], f'{" ".join(fields)!r:.60} are not numbers'
    if len(values) != 5 and (len(values) < 7 or len(values) % 2 == 0):
        return values, f'{len(values)} numbers, expected class x y width height, or class and the points of a polygon'
    if not (0 <= values[0] < 2**31 and values[0].is_integer()):
        return values, f'class {fields[0]!r:.20} is no class number'
    if names is not None and values[0] >= len(names):
        return values, f'class {int(values[0])} is none of the {len(names)} names'
    if not all(0 <= value <= 1 for value in values[1:]):
        return values, f'{" ".join(fields[1:])!r:.60} are not in [0, 1], shares of width and height'
    return values, ''


def _record(annotation_id: int, image_id: int, values: list[float]) -> dict[str, Any]:
    if len(values) == 5:
        x, y, width, height = values[1:]
        x, y = x - width / 2, y - height / 2
    else:
        x, y = min(values[1::2]), min(values[2::2])
        width, height = max(values[1::2]) - x, max(values[2::2]) - y
    box = [NOMINAL_SIDE * side for side in (x, y, width, height)]
    return {
        'id': annotation_id,
        'image_id': image_id,
        'category_id': int(values[0]),
        'bbox': box,
        'area': box[2] * box[3],
    }
