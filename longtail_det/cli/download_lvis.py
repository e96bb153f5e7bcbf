"""Download LVIS and the images of COCO 2017 that it is drawn on, unpack them, and count what is in them.

LVIS v1 is 21 GB to download and 22 GB on disk, at most 41 GB while train2017 is unpacked. A stopped download or
unpacking goes on where it was when the same command is given again. No checksums are published: each file is checked
against the checksum in its archive, and the annotation files against their published numbers of records.

An archive that is in ROOT/downloads already, copied there from another machine, is taken as it is. The annotations
of v0.5 are no longer published, so theirs have to come that way.

Example:
    longtail-det download-lvis --dry-run
    longtail-det download-lvis --root data/lvis_v1 --parts annotations val2017
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .arguments import CommandParser
from .commands import as_typed
from .errors import UserError, one_line_errors
from .fetch import fetch, file_sizes, require_space, unpack
from .lvis_releases import IMAGES_URL, RELEASES, Images, Release, Split

PARTS = ('annotations', 'train2017', 'val2017')


@dataclass(frozen=True)
class Job:
    """One archive: its part of the release, its source and its target."""

    release: Release
    part: Split | Images
    url: str | None
    archive: Path
    folder: Path

    @property
    def pattern(self) -> str:
        """Regular expression of the wanted members."""
        if isinstance(self.part, Split):
            return rf'(?:.*/)?{re.escape(self.part.file)}'
        return rf'{self.part.folder}/[^/]+\.jpg'

    @property
    def size_gb(self) -> float:
        """Approximate size on disk, in GB."""
        return self.part.size_gb

    @property
    def archive_gb(self) -> float:
        """Approximate size of the download, in GB."""
        return self.part.archive_gb if isinstance(self.part, Split) else self.part.size_gb

    def problems(self) -> list[str]:
        """Return what is wrong with the unpacked content; nothing where it is complete."""
        if isinstance(self.part, Images):
            found = sum(name.endswith('.jpg') for name in file_sizes(self.folder))
            wanted = self.part.num_images
            return [] if found >= wanted else [f'{self.folder} holds {found} of {wanted} images']
        if not (self.folder / self.part.file).is_file():
            return [f'no {self.folder / self.part.file}']
        from .check_lvis import check_split

        findings = check_split(self.folder.parent, self.release, self.part, with_images=False)
        return [finding.text for finding in findings if not finding.is_ok]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--version', choices=RELEASES, default='v1', help='release (default: %(default)s)')
    parser.add_argument('--root', type=Path, help='folder to put the data in; default: data/lvis_<version>')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS), help='what to fetch; default: all')
    parser.add_argument('--dry-run', action='store_true', help='say what would be done, touch nothing')
    parser.add_argument('--keep-archives', action='store_true', help='leave the archives in ROOT/downloads')
    parser.add_argument(
        '--annotations-url', type=_url, metavar='URL', help='folder of a mirror that has the annotation archives'
    )
    parser.add_argument(
        '--images-url', type=_url, metavar='URL', default=IMAGES_URL, help='the same of the image archives'
    )
    return parser


def _url(text: str) -> str:
    if not re.match(r'https?://[^/\s]', text):
        raise argparse.ArgumentTypeError(f'found {text!r}, expected the http(s) address of a folder')
    return text


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    release = RELEASES[args.version]
    root = args.root or Path(release.root)
    open_jobs = [job for job in plan(release, root, args) if not _is_done(job)]
    if args.dry_run or not open_jobs:
        print(f'{len(open_jobs)} to do' if open_jobs else f'LVIS {release.version} in {root}: nothing to do')
        return 0
    _prepare(root, open_jobs)
    try:
        for job in open_jobs:
            _run(job, keep_archive=args.keep_archives)
    except OSError as error:
        raise UserError(f'{error.filename or root}: {error.strerror or error}') from error
    check = as_typed(f'longtail-det check-lvis --version {release.version} --root {root}')
    print(f'done; {check} looks for every image')
    return 0


def plan(release: Release, root: Path, args: argparse.Namespace) -> Iterator[Job]:
    """Return the archives that the command line asks for."""
    parts: list[Split | Images] = list(release.splits.values()) if 'annotations' in args.parts else []
    parts += [images for images in release.images if images.folder in args.parts]
    for part in parts:
        name = f'{part.file if isinstance(part, Split) else part.folder}.zip'
        base = (args.annotations_url or release.annotations_url) if isinstance(part, Split) else args.images_url
        folder = root / ('annotations' if isinstance(part, Split) else part.folder)
        url = None if base is None else f'{base.rstrip("/")}/{name}'
        yield Job(release, part, url, root / 'downloads' / name, folder)


def _is_done(job: Job) -> bool:
    problems = job.problems()
    if not problems:
        print(f'there       {job.folder}: content of {job.archive.name}')
    elif job.archive.exists():
        print(f'to unpack   {job.archive} -> {job.folder}')
    else:
        size = f'{job.archive_gb:.1f} GB, {job.size_gb:.1f} GB unpacked'
        print(f'to download {job.url or job.archive.name + " (no longer published)"} -> {job.folder} ({size})')
    return not problems


def _prepare(root: Path, jobs: Sequence[Job]) -> None:
    """Raise before the download where it cannot succeed."""
    lost = [job for job in jobs if job.url is None and not job.archive.exists()]
    if lost:
        raise UserError(
            f'{lost[0].archive.name} is no longer published; put a copy of it at {lost[0].archive}, or unpacked into '
            f'{lost[0].folder}, or give --annotations-url of a mirror'
        )
    try:
        (root / 'downloads').mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'cannot write to {root} ({error.strerror}); choose another --root') from error
    _require_space(root, jobs)


def _require_space(root: Path, jobs: Sequence[Job]) -> None:
    """Raise where the disk is too small for everything unpacked and one archive."""
    needed = sum(job.size_gb for job in jobs) + max(0 if job.archive.exists() else job.archive_gb for job in jobs)
    held = sum(path.stat().st_size for job in jobs for path in job.archive.parent.glob(f'{job.archive.name}.part'))
    require_space(root, 1e9 * needed - held)


def _run(job: Job, keep_archive: bool) -> None:
    if not job.archive.exists():
        assert job.url is not None
        fetch(job.url, job.archive)
    found = unpack(job.archive, job.pattern, job.folder)
    if isinstance(job.part, Images) and found != job.part.num_images:
        raise UserError(f'{job.archive} holds {found} images, expected {job.part.num_images}; it is another archive')
    problems = job.problems()
    if problems:
        raise UserError(f'after unpacking {job.archive}: {"; ".join(problems)}; remove both and run this again')
    if not keep_archive:
        job.archive.unlink()
