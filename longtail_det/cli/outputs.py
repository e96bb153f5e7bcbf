"""Checks of the files and folders that a command will write, before its long work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .errors import UserError

#: what the name of a file of predicted images ends in
IMAGE_SUFFIXES = ('.npz', '.pkl', '.pickle')
#: what a name of test --out ends in
RESULT_SUFFIXES = ('.json', *IMAGE_SUFFIXES)


def check_output(
    option: str, path: str | Path | None, suffixes: Sequence[str] = (), *, is_folder: bool = False
) -> None:
    """Raise a `UserError` where a file or folder cannot be written; nothing is made yet.

    Args:
        option: what the user typed it behind, for the message.
        path: what will be written; None where nothing is.
        suffixes: what the name of a file may end in; empty for anything.
        is_folder: whether it is a folder that files are put into.
    """
    if path is None:
        return
    path = Path(path).expanduser()
    if suffixes and path.suffix not in suffixes:
        raise UserError(f'{option} {path}: expected a name that ends in {", ".join(suffixes)}')
    if not is_folder and path.is_dir():
        raise UserError(f'{option} {path} is a folder; give the name of a file in it')
    folder = path if is_folder else path.parent
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise UserError(f'{option} {path}: {there} is no folder; give another place')
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f'{option} {path}: no permission to write to {there}; give another place')
    if not is_folder and path.exists() and not os.access(path, os.W_OK):
        raise UserError(f'{option} {path}: no permission to replace this file; give another name')
