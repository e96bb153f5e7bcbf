"""The command that downloads LVIS, against a server of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longtail_det.cli import download_lvis, fetch
from longtail_det.cli.lvis_releases import RELEASES

from .lvis_server import Server, archives, running, tiny_release


@pytest.fixture
def server() -> Iterator[Server]:
    """What the servers of LVIS and COCO hold, on one server."""
    with running() as server:
        server.files = archives()
        yield server


@pytest.fixture
def tiny_lvis(workplace, monkeypatch) -> None:
    """A release of a few kilobytes in the place of v1, in an empty folder; nothing waits before it tries again."""
    monkeypatch.setattr(fetch.time, 'sleep', lambda seconds: None)
    monkeypatch.setitem(RELEASES, 'v1', tiny_release())


@pytest.fixture
def download(tiny_lvis, server) -> Callable[..., int]:
    """Run the command against the server."""

    def run(*args: str) -> int:
        urls = ['--annotations-url', f'{server.url}/lvis/', '--images-url', f'{server.url}/coco']
        return download_lvis.main(['--root', 'lvis', *urls, *args])

    return run


def files(root: str = 'lvis') -> list[str]:
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob('*') if path.is_file())
