"""A web server on this machine that knows ranges and can be told to fail, and a release of LVIS of a few kilobytes."""

from __future__ import annotations

import io
import json
import random
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from longtail_det.cli.lvis_releases import Images, Release, Split


class Server(ThreadingHTTPServer):
    """Serves `files`; the other attributes are the faults.

    Args:
        files: path -> bytes.
        etag: of all files; '' sends none.
        cut_after: bytes after which each answer ends too early, None for never.
        cuts: how many answers are cut.
        answers: requests that are answered at all; the connection of any other is closed.
        status: answer every request by this error, None for none.
        with_ranges: whether ranges are honored.
        with_length: whether the length is told.
    """

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.files: dict[str, bytes] = {}
        self.etag = '"one"'
        self.cut_after: int | None = None
        self.cuts = 0
        self.answers = 1000
        self.status: int | None = None
        self.with_ranges = True
        self.with_length = True
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_port}'


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        if not self.server.answers:
            self.connection.close()
            return
        self.server.answers -= 1
        asked = self.headers.get('Range')
        self.server.requests.append((self.path, asked))
        body = self.server.files.get(self.path)
        if self.server.status is not None or body is None:
            self.send_error(self.server.status or 404)
            return
        start = self._start(body, asked)
        if start >= len(body) and start:
            self.send_response(416)
            self.send_header('Content-Range', f'bytes */{len(body)}')
            self.end_headers()
            return
        self._answer(body, start)

    def _start(self, body: bytes, asked: str | None) -> int:
        if asked is None or not self.server.with_ranges or self.headers.get('If-Range') != self.server.etag:
            return 0
        return int(re.fullmatch(r'bytes=(\d+)-', asked)[1])

    def _answer(self, body: bytes, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(body) - 1}/{len(body)}')
        if self.server.with_length:
            self.send_header('Content-Length', str(len(body) - start))
        if self.server.etag:
            self.send_header('ETag', self.server.etag)
        self.end_headers()
        rest = body[start:]
        if self.server.cut_after is not None and self.server.cuts:
            self.server.cuts -= 1
            rest = rest[: self.server.cut_after]
        self.wfile.write(rest)


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


#: 3 training images in both folders, 2 of them with annotations; 2 validation images
TRAIN_IMAGES = ('train2017/000000000001.jpg', 'train2017/000000000002.jpg', 'val2017/000000000003.jpg')
VAL_IMAGES = ('val2017/000000000003.jpg', 'train2017/000000000002.jpg')
IMAGES = {'train2017': TRAIN_IMAGES[:2], 'val2017': (TRAIN_IMAGES[2],)}


def annotations(names: tuple[str, ...], image_of: tuple[int, ...], with_coco_url: bool = True) -> dict[str, Any]:
    """An annotation file of two classes, with one annotation for each entry of `image_of`."""
    images = []
    for position, name in enumerate(names):
        where = {'coco_url': f'http://host/{name}'} if with_coco_url else {'file_name': name.split('/')[-1]}
        images.append({'id': position, 'height': 20, 'width': 20, 'neg_category_ids': [], **where})
    return {
        'images': images,
        'categories': [{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'b'}],
        'annotations': [
            {
                'id': number,
                'image_id': image,
                'category_id': 1 + number % 2,
                'bbox': [1, 1, 9, 9],
                'area': 81,
                'segmentation': [[1.0, 1.0, 10.0, 1.0, 10.0, 10.0]],
            }
            for number, image in enumerate(image_of)
        ],
    }


TRAIN = annotations(TRAIN_IMAGES, (0, 0, 1))
VAL = annotations(VAL_IMAGES, (0, 1))


def tiny_release(version: str = 'v1', annotations_url: str | None = None) -> Release:
    """The release above as `Release`."""
    split = {'archive_gb': 1e-6, 'size_gb': 1e-6}
    return Release(
        version=version,
        root='data/tiny',
        num_classes=2,
        annotations_url=annotations_url,
        splits={
            'train': Split('train.json', '', 3, 3, 2, (2, 0, 0), **split),
            'val': Split('val.json', '', 2, 2, None, None, **split),
        },
        images=(Images('train2017', 2, 1e-6), Images('val2017', 1, 1e-6)),
    )


def archives() -> dict[str, bytes]:
    """What the servers of LVIS and COCO hold, by path."""
    files = {
        '/lvis/train.json.zip': zipped({'train.json': json.dumps(TRAIN).encode(), '__MACOSX/._train.json': b'x'}),
        '/lvis/val.json.zip': zipped({'val.json': json.dumps(VAL).encode()}),
    }
    for folder, names in IMAGES.items():
        # noise does not shrink, so that an archive is long enough to be cut
        members = {name: random.Random(name).randbytes(4000) for name in names}
        files[f'/coco/{folder}.zip'] = zipped({f'{folder}/': b'', **members})
    return files
