"""The style sheet and the script of a page, and the policy that lets a browser run these alone and load nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from longtail_det.visualization import GROUP_COLORS


def page_style() -> str:
    """Return the style sheet: light or dark as the reader's system asks, fit for a phone and to print."""
    sheet = _read('page.css')
    for name, group in (('RARE', 'r'), ('COMMON', 'c'), ('FREQUENT', 'f')):
        sheet = sheet.replace(name, GROUP_COLORS[group])
    return sheet


def page_script() -> str:
    """Return the script of a page with a table of classes; without it the page can be read all the same."""
    return _read('page.js')


def content_policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy: no network, and only this style sheet and script.

    Args:
        style: text between the style tags.
        script: text between the script tags.
    """
    return f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding='utf-8')
