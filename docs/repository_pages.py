"""Hook of mkdocs: files of the repository that a page links to are part of the site.

A link such as `../configs/README.md` is right on a code host and points outside of docs/. Here a linked Markdown file
becomes a page, any other file a download, and the links between all of them are those of the site. The README is the
first page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
HOME = ROOT / 'README.md'
_LINK = re.compile(r'(\]\()([^)\s]+)(\))')
_CODE = re.compile(r'^(?:```.*?^```|(?: {4}|\t)[^\n]*)$|`[^`\n]+`', re.MULTILINE | re.DOTALL)


def site_path(path: Path) -> str:
    """Return where a file of the repository is in the site."""
    if path == HOME:
        return 'index.md'
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return path.relative_to(ROOT).as_posix().lstrip('.')


def linked_files(page: Path) -> Iterator[Path]:
    """Return the files of the repository that a page links to."""
    for _, link, _ in _LINK.findall(_CODE.sub('', page.read_text())):
        target = _target(page, link)
        if target is not None:
            yield target


def _target(page: Path, link: str) -> Path | None:
    parts = urlsplit(link)
    if parts.scheme or not parts.path:
        return None
    path = (page.parent / parts.path).resolve()
    return path if path.is_file() and path.is_relative_to(ROOT) else None


def on_files(files: Files, config: Any) -> Files:
    """Add what the pages link to, and what these pages link to in turn."""
    have = {DOCS / file.src_uri for file in files if file.src_uri.endswith('.md')}
    queue = [HOME, *have]
    have.add(HOME)
    files.append(File.generated(config, 'index.md', abs_src_path=str(HOME)))
    while queue:
        for path in linked_files(queue.pop()):
            if path in have or path.is_relative_to(DOCS):
                continue
            have.add(path)
            files.append(File.generated(config, site_path(path), abs_src_path=str(path)))
            if path.suffix == '.md':
                queue.append(path)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page with links between the places in the site."""
    source = Path(page.file.abs_src_path)
    here = Path(page.file.src_uri).parent

    def moved(match: re.Match[str]) -> str:
        target = _target(source, match[2])
        if target is None:
            return match[0]
        fragment = urlsplit(match[2]).fragment
        link = os.path.relpath(site_path(target), here) + (f'#{fragment}' if fragment else '')
        return match[1] + link + match[3]

    return _LINK.sub(moved, markdown)
