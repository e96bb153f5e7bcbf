"""Download a file that may take hours, and unpack it: both go on where they were stopped."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from longtail_det.files import replacing

from .errors import UserError

_CHUNK = 1 << 20
_TIMEOUT = 30.0
_ATTEMPTS = 5
#: what a connection that breaks raises
_BROKEN = (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError)


class _ConnectionCutError(ConnectionError):
    """The server closed the connection before the end of the file."""


def fetch(url: str, target: Path, *, pause: float = 3.0) -> None:
    """Download `url` to `target`; resume what a stopped download left in `target`.part.

    The part is kept only while the server's file stays the same (`If-Range` with its ETag or date). A connection that
    breaks is taken up again; after five breaks without a byte in between the command ends.

    Args:
        url: http(s) address.
        target: file to write; its folder is there.
        pause: seconds before the connection is taken up again.

    Raises:
        UserError: no network, no such file, or no space; in one line that says what to do.
    """
    part = target.with_name(f'{target.name}.part')
    failures = 0
    while True:
        before = _size(part)
        try:
            _fetch_rest(url, part)
            break
        except urllib.error.HTTPError as error:
            if error.code < 500 or failures + 1 >= _ATTEMPTS:
                raise UserError(f'{url}: the server answers {error.code} {error.reason}') from error
            failures += 1
        except _BROKEN as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= _ATTEMPTS or _is_hopeless(error):
                raise UserError(_no_connection(url, target, error, _size(part))) from error
        time.sleep(pause)
    part.replace(target)
    _about(part).unlink(missing_ok=True)


def _fetch_rest(url: str, part: Path) -> None:
    request = urllib.request.Request(url, headers=_resume_headers(url, part))
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # the part is as long as the file, or longer: which of them, the server says
        if error.headers.get('Content-Range') == f'bytes */{_size(part)}':
            return
        part.unlink()
        raise _ConnectionCutError('the part did not belong to this file') from error
    with response:
        start, total = _span(response, _size(part))
        require_space(part.parent, total - start)
        _about(part).write_text(json.dumps({'url': url, 'validator': _validator(response.headers)}))
        with (
            part.open('ab' if start else 'wb') as stream,
            tqdm(total=total, initial=start, unit='B', unit_scale=True, desc=part.stem) as bar,
        ):
            while chunk := response.read(_CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
    if _size(part) < total:
        raise _ConnectionCutError(f'the connection ended after {_size(part)} of {total} bytes')


def _resume_headers(url: str, part: Path) -> dict[str, str]:
    headers = {'User-Agent': 'longtail_det', 'Accept-Encoding': 'identity'}
    if not _size(part):
        return headers
    try:
        about = json.loads(_about(part).read_text())
    except (OSError, ValueError):
        about = {}
    if about.get('url') != url or not about.get('validator'):
        part.unlink()  # of another file, or of one that cannot be recognized
        return headers
    return {**headers, 'Range': f'bytes={_size(part)}-', 'If-Range': about['validator']}


def _span(response: Any, asked: int) -> tuple[int, int]:
    """Return where the answer starts in the file, and how long the file is."""
    length = response.headers.get('Content-Length')
    if length is None:
        raise UserError(f'{response.url}: the server does not say how long the file is; download it by hand')
    if response.status != http.client.PARTIAL_CONTENT:
        return 0, int(length)
    match = re.fullmatch(r'bytes (\d+)-\d+/(\d+)', response.headers.get('Content-Range', ''))
    if match is None or int(match[1]) != asked:
        raise _ConnectionCutError(f'asked for bytes from {asked}, got {response.headers.get("Content-Range")}')
    return asked, int(match[2])


def _validator(headers: Mapping[str, str]) -> str | None:
    etag = headers.get('ETag')
    # a weak ETag may stay the same while bytes change
    return etag if etag and not etag.startswith('W/') else headers.get('Last-Modified')


def _about(part: Path) -> Path:
    return part.with_name(f'{part.name}.json')


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_hopeless(error: Exception) -> bool:
    """Return whether there is no name server or no such host: trying again in a few seconds does not help."""
    reason = getattr(error, 'reason', error)
    return type(reason).__name__ == 'gaierror'


def _no_connection(url: str, target: Path, error: Exception, got: int) -> str:
    reason = getattr(error, 'reason', None) or str(error) or type(error).__name__
    kept = f'; the {got} bytes so far are kept, the same command goes on from there' if got else ''
    return f'cannot download {url} ({reason}){kept}; or fetch it on another machine, as {target}, and run this again'


def require_space(folder: Path, needed: float) -> None:
    """Raise a UserError where the disk of a folder has fewer bytes free than needed."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f'{folder}: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; make space, give --root on '
            'a larger disk, or fetch less with --parts'
        )


def unpack(archive: Path, pattern: str, folder: Path) -> int:
    """Unpack the members of a zip archive whose whole name matches `pattern`, checking each against its checksum.

    A member whose file is there in full length is passed over; no file is ever there in part.

    Args:
        archive: zip file.
        pattern: regular expression of the members that are wanted.
        folder: where they go, under their last name.

    Returns:
        Number of wanted members.

    Raises:
        UserError: the archive is damaged (it is then removed), holds no such member, or there is no space.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as content:
            members = [member for member in content.infolist() if re.fullmatch(pattern, member.filename)]
            if not members:
                shown = ', '.join(content.namelist()[:3]) or 'nothing'
                raise UserError(f'{archive} holds {shown}; expected members like {pattern}; it is another archive')
            missing = [member for member in members if _size(_place(folder, member)) != member.file_size]
            require_space(folder, sum(member.file_size for member in missing))
            for member in tqdm(missing, desc=f'unpacking {archive.name}', unit='file'):
                with (
                    replacing(_place(folder, member)) as unfinished,
                    content.open(member) as source,
                    unfinished.open('wb') as stream,
                ):
                    shutil.copyfileobj(source, stream, _CHUNK)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        archive.unlink()
        raise UserError(f'{archive} was damaged on the way ({error}) and is removed; run this again') from error
    return len(members)


def _place(folder: Path, member: zipfile.ZipInfo) -> Path:
    return folder / os.path.basename(member.filename)


def file_sizes(folder: Path) -> dict[str, int]:
    """Return name and size of every file; nothing where there is no folder."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
