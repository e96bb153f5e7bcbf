"""The pages for users, and the commands and Python examples in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / 'README.md',
    ROOT / '.github/CONTRIBUTING.md',
    ROOT / 'data/README.md',
    *sorted((ROOT / 'docs').rglob('*.md')),
]
PROGRAMS = ('python', 'longtail-det', './', 'pip', 'mim', 'pytest', 'mkdocs', '.venv/')
_FENCED = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r'(?:^(?: {4}|\t).*\n)+', re.MULTILINE)
_INLINE = re.compile(r'`([^`\n]+)`')
_VARIABLES = r'(?:[A-Z_]+=\S+ )*'


class Command(NamedTuple):
    """A command in a page.

    Args:
        page: path of the page in the repository.
        text: one line, without comment; a continued line is joined.
    """

    page: str
    text: str


def commands() -> list[Command]:
    """Return every command in a block of code, in the order of the pages."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = [match[2] for match in _FENCED.finditer(text) if match[1] in ('', 'bash')]
        blocks += _INDENTED.findall(_FENCED.sub('', text))
        for block in blocks:
            for line in re.sub(r'\s*\\\n\s*', ' ', block).splitlines():
                for part in re.split(r' && ', re.sub(r'(^|\s+)#.*', '', line).strip()):
                    if _is_command(part):
                        found.append(Command(page.relative_to(ROOT).as_posix(), part))
    return found


def inline_commands() -> list[Command]:
    """Return what looks like a command of ours in running text, such as `longtail-det eval --intervals`."""
    ours = re.compile(r'(python tools/\S+\.py|longtail-det [a-z])')
    return [
        Command(page.relative_to(ROOT).as_posix(), text)
        for page in PAGES
        for text in _INLINE.findall(_FENCED.sub('', page.read_text()))
        if ours.match(text)
    ]


def python_blocks() -> list[tuple[str, str]]:
    """Return each page with Python in it, and that code."""
    found = []
    for page in PAGES:
        code = [match[2] for match in _FENCED.finditer(page.read_text()) if match[1] == 'python']
        if code:
            found.append((page.relative_to(ROOT).as_posix(), '\n'.join(code)))
    return found


def _is_command(line: str) -> bool:
    return any(re.match(_VARIABLES + re.escape(program), line) for program in PROGRAMS)
