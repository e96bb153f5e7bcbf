"""Check a copy of LVIS: the files, the number of records in them, and an image file for every image record.

One line per thing that was looked at: `ok`, or `WRONG` with what was found and expected. Exit code 0 if all is well,
1 if anything is wrong, 2 for a mistake in the command line. LVIS v1 takes about half a minute.

Example:
    longtail-det check-lvis
    longtail-det check-lvis --version v0.5 --root data/lvis_v0.5 --splits val
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from longtail_det.annotations import AnnotationFile, BadRecords, count_file, read_annotation_file

from .arguments import CommandParser
from .commands import as_typed
from .errors import UserError, one_line_errors
from .fetch import file_sizes
from .lvis_releases import RELEASES, Release, Split

_GROUPS = ('r', 'c', 'f')


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    is_ok: bool
    text: str

    def __str__(self) -> str:
        return f'{"ok   " if self.is_ok else "WRONG"} {as_typed(self.text)}'


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--version', choices=RELEASES, default='v1', help='release (default: %(default)s)')
    parser.add_argument('--root', type=Path, help='folder of the data; default: data/lvis_<version>')
    parser.add_argument(
        '--splits', nargs='+', choices=['train', 'val'], default=['train', 'val'], help='what to check; default: both'
    )
    parser.add_argument('--no-images', action='store_true', help='check the annotation files only')
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    release = RELEASES[args.version]
    root = args.root or Path(release.root)
    if not root.is_dir():
        raise UserError(
            f'no folder {root}; make it with longtail-det download-lvis --version {release.version}, or give --root'
        )
    num_wrong = 0
    for name in args.splits:
        for finding in check_split(root, release, release.splits[name], with_images=not args.no_images):
            print(finding, flush=True)
            num_wrong += not finding.is_ok
    print(f'{num_wrong} wrong' if num_wrong else f'LVIS {release.version} in {root} is complete')
    return 1 if num_wrong else 0


def check_split(root: Path, release: Release, split: Split, with_images: bool) -> Iterator[Finding]:
    """Check one annotation file and the images it names."""
    path = root / 'annotations' / split.file
    bad = BadRecords(str(path))
    try:
        file = read_annotation_file(path, bad, show_progress=True)
    except (ValueError, OSError) as error:
        yield Finding(False, f'{error}; longtail-det download-lvis --version {release.version} fetches it')
        return
    for kind, count in bad.counts.items():
        yield Finding(False, f'{path}: {count} {kind}, for example {bad.examples[kind][0]}')
    yield check_counts(path, file, release, split)
    if with_images:
        yield from check_images(root, path, file, split)


def check_counts(path: Path, file: AnnotationFile, release: Release, split: Split) -> Finding:
    """Compare the numbers of records with the published ones."""
    stats = count_file(file)
    numbers: list[tuple[str, int, int | None]] = [
        ('images', len(file.images), split.num_images),
        ('annotations', len(file.annotations), split.num_annotations),
        ('images with annotations', stats.num_images, split.num_annotated),
        ('classes', len(file.categories), release.num_classes),
    ]
    if split.groups is not None:
        sizes = [len(classes) for classes in stats.groups.values()]
        numbers += [(f'{g} classes', n, wanted) for g, n, wanted in zip(_GROUPS, sizes, split.groups, strict=True)]
    wrong = [f'{found} {what}, expected {wanted}' for what, found, wanted in numbers if wanted not in (None, found)]
    if wrong:
        return Finding(False, f'{path}: {"; ".join(wrong)}')
    return Finding(True, f'{path}: {", ".join(f"{found} {what}" for what, found, _ in numbers)}')


def check_images(root: Path, path: Path, file: AnnotationFile, split: Split) -> Iterator[Finding]:
    """Check that every image record has its file, folder by folder."""
    names = [f'{split.folder}/{name}' if split.folder else str(name) for name in file.images.names]
    for folder in sorted({os.path.dirname(name) for name in names}):
        wanted = [name for name in names if os.path.dirname(name) == folder]
        sizes = file_sizes(root / folder)
        missing = [name for name in wanted if os.path.basename(name) not in sizes]
        empty = [name for name in wanted if sizes.get(os.path.basename(name)) == 0]
        for what, found in (('missing', missing), ('empty', empty)):
            if found:
                yield Finding(
                    False,
                    f'{root / folder}: {len(found)} of the {len(wanted)} images of {path.name} are {what}, '
                    f'the first is {root / found[0]}',
                )
        if not (missing or empty):
            yield Finding(True, f'{root / folder}: all {len(wanted)} images of {path.name}')
