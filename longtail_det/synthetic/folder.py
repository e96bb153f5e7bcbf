"""The folder of a LongTailGlyphs dataset: whose it is, whether it is complete, safe clearing and writing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from longtail_det.files import replacing

from .config import GlyphsConfig

SPLITS = ('train', 'val')

# Raise it whenever the same settings give other files.
_FORMAT = 1
_STAMP = 'longtail_glyphs.json'


def annotation_name(split: str) -> str:
    """Return the annotation file of a split, 'train' or 'val', relative to the folder."""
    return f'annotations/glyphs_{split}.json'


def image_folder(split: str) -> str:
    """Return the image folder of a split, relative to the dataset's folder; COCO's own name.

    Example:
        >>> image_folder('val')
        'val2017'
    """
    return f'{split}2017'


def image_file(split: str, image_id: int) -> str:
    """Return the name of an image file as COCO writes it, relative to the dataset's folder.

    Example:
        >>> image_file('val', 139)
        'val2017/000000000139.jpg'
    """
    return f'{image_folder(split)}/{image_id:012d}.jpg'


def is_complete(out: Path, config: GlyphsConfig) -> bool:
    """Return whether the folder holds the whole dataset that `config` asks for."""
    sizes = {'train': config.num_train, 'val': config.num_val}
    return _read_stamp(out) == _stamp(config, complete=True) and all(
        (out / annotation_name(split)).is_file()
        and (out / image_folder(split)).is_dir()
        and len(os.listdir(out / image_folder(split))) == sizes[split]
        for split in SPLITS
    )


def claim(out: Path, config: GlyphsConfig, overwrite: bool) -> None:
    """Empty the folder for a new dataset and mark it as unfinished.

    Args:
        out: may be missing, empty, or a LongTailGlyphs folder, which is then emptied.
        config: what will be made.
        overwrite: empty it even if it holds a finished dataset.

    Raises:
        FileExistsError: there is something that may not be replaced.
    """
    found = _read_stamp(out)
    if found is None and out.is_dir() and any(out.iterdir()):
        raise FileExistsError(
            f'{out} is not empty and holds no LongTailGlyphs dataset; choose an empty or a new folder'
        )
    if found and found.get('complete') and not overwrite:
        raise FileExistsError(
            f'{out} holds a LongTailGlyphs dataset with other settings ({_difference(found, config)}) or with files '
            'missing; choose another folder, or replace it with --overwrite (overwrite=True)'
        )
    for name in ('annotations', *map(image_folder, SPLITS)):
        # without a stamp there is nothing to remove: the folder is empty
        shutil.rmtree(out / name, ignore_errors=True)
        (out / name).mkdir(parents=True)
    _write_stamp(out, config, complete=False)


def finish(out: Path, config: GlyphsConfig) -> None:
    """Mark the dataset as complete."""
    _write_stamp(out, config, complete=True)


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """Open a text file that appears under its name only when it is written to the end."""
    with replacing(path) as unfinished, unfinished.open('w', encoding='utf-8', newline='\n') as file:
        yield file


def _stamp(config: GlyphsConfig, complete: bool) -> dict[str, Any]:
    return {'format': _FORMAT, 'complete': complete, 'config': config.settings()}


def _write_stamp(out: Path, config: GlyphsConfig, complete: bool) -> None:
    with writing(out / _STAMP) as file:
        json.dump(_stamp(config, complete), file, indent=2, sort_keys=True)


def _read_stamp(out: Path) -> dict[str, Any] | None:
    """Read the stamp: None where there is none, empty where it cannot be read."""
    if not (out / _STAMP).is_file():
        return None
    try:
        stamp = json.loads((out / _STAMP).read_text(encoding='utf-8'))
    except ValueError:
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _difference(found: Mapping[str, Any], config: GlyphsConfig) -> str:
    """Return the settings that differ, as 'name found -> wanted'."""
    old, new = ({'count_divisor': 1, **settings} for settings in (found.get('config', {}), config.settings()))
    changes = [f'{key} {old.get(key)} -> {value}' for key, value in new.items() if old.get(key) != value]
    if found.get('format') != _FORMAT:
        changes.append(f'format {found.get("format")} -> {_FORMAT}')
    return ', '.join(changes) or 'none'
