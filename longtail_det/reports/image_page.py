"""A page of images that lie beside it: what was drawn, each with its words and a link to the full size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from .page_files import page_style

_GRID = """
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 16px; margin-top: 24px; }
.grid figure { padding: 10px; } .grid figcaption { overflow-wrap: anywhere; } .grid p { margin: 2px 0 0; }
"""


@dataclass(frozen=True)
class PageImage:
    """An image of the page.

    Args:
        file: below the folder of the page.
        title: what it is.
        words: each with its frequency group, 'r', 'c', 'f' or ''; shown in the color of the group.
        note: what else there is to say.
    """

    file: str
    title: str
    words: Sequence[tuple[str, str]] = ()
    note: str = ''


def write_image_page(
    path: Path, title: str, images: Sequence[PageImage], *, date: str, facts: Mapping[str, str], note: str = ''
) -> Path:
    """Write a page as HTML that shows the images in a grid; it loads them from its folder and nothing from elsewhere.

    Args:
        path: the file, in a folder that is there.
        title: headline.
        images: in the order of the page.
        date: when, as it is to be read.
        facts: what was drawn (config, checkpoint, command), in order.
        note: a sentence above the images, such as how to read them.

    Returns:
        `path`.
    """
    items = ''.join(f'<dt>{escape(key)}</dt><dd>{escape(value)}</dd>' for key, value in facts.items())
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<style>{page_style()}{_GRID}</style>\n</head>\n<body>\n<main>\n'
        f'<header><h1>{escape(title)}</h1><div class="date">{escape(date)}</div><dl>{items}</dl></header>\n'
        f'{f"<p>{escape(note)}</p>" if note else ""}\n'
        f'<div class="grid">\n{"".join(map(_image_html, images))}</div>\n'
        '<footer>Written by longtail_det.</footer>\n</main>\n</body>\n</html>\n',
        encoding='utf-8',
    )
    return path


def _image_html(image: PageImage) -> str:
    link = escape(quote(image.file))
    words = ', '.join(f'<span class="{escape(group)}">{escape(word)}</span>' for word, group in image.words)
    alt = ', '.join(word for word, _ in image.words) or 'nothing'
    note = f'<p>{escape(image.note)}</p>' if image.note else ''
    return (
        f'<figure><a href="{link}"><img loading="lazy" alt="{escape(f"{image.title}: {alt}")}" src="{link}"></a>'
        f'<figcaption>{escape(image.title)}<p>{words}</p>{note}</figcaption></figure>\n'
    )
