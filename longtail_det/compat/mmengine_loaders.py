"""Sends every checkpoint that mmengine loads, wherever it lies, through our reader."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO
from urllib.parse import urlparse

import torch
from torch import hub

from .checkpoint import load_checked, load_from_local


class _CheckedTorch(ModuleType):
    """torch as mmengine's loaders see it: with a `load` that runs nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def load(file: str | Path | BinaryIO, map_location: Any = None, **_: Any) -> Any:
        """Read a checkpoint; how it is unpickled is not for the caller to say."""
        if isinstance(file, str | os.PathLike):
            return load_from_local(str(file), map_location)
        return load_checked(file, 'from a file client', map_location)


def check_mmengine_loaders(checkpoint: ModuleType) -> None:
    """Replace what mmengine's loaders of all prefixes stand on: `torch.load` and `load_url`.

    Local files, http(s)://, torchvision://, open-mmlab://, mmcls:// and the file clients pass here, and so do
    `load_from`, `--resume`, `init_cfg=dict(type='Pretrained')` and a prefix that is registered later with one of
    mmengine's loaders. Calling it again changes nothing.

    Args:
        checkpoint: the module `mmengine.runner.checkpoint`.
    """
    checkpoint.torch = _CheckedTorch('torch')  # type: ignore[attr-defined]
    # the fork's loader allows the real `getattr`, takes our safe types off the list, and unpickles anything in the end
    checkpoint._safe_torch_load = _CheckedTorch.load  # type: ignore[attr-defined]
    checkpoint.load_url = load_from_url  # type: ignore[attr-defined]
    checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)


def load_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
) -> Any:
    """Read a checkpoint from the cache of torch.hub, into which it is downloaded first.

    The place of `torch.hub.load_state_dict_from_url`, with its cache, arguments and check of the hash.

    Args:
        url: http or https.
        model_dir: folder of the cache; by default that of torch.hub.
        map_location: as in `torch.load`.
        progress: show a bar.
        check_hash: compare the file with the start of its SHA-256, which its name ends in.
        file_name: in the cache; by default that of the URL.

    Raises:
        FileNotFoundError: it cannot be downloaded.
        ValueError: the file is no checkpoint, see `load_from_local`.
    """
    folder = Path(model_dir or Path(hub.get_dir()) / 'checkpoints')
    path = folder / (file_name or Path(urlparse(url).path).name or 'checkpoint')
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        match = hub.HASH_REGEX.search(path.name) if check_hash else None
        try:
            hub.download_url_to_file(url, str(path), match and match[1], progress)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileNotFoundError(
                f'checkpoint {url} cannot be downloaded ({error}); check the address and the network, or put the file '
                f'at {path}'
            ) from error
    return load_from_local(str(path), map_location)
