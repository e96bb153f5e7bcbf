"""A file backend of mmengine that never leaves a file half written."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from longtail_det.files import replacing

ATOMIC = 'longtail_det_atomic'


class AtomicBackend(LocalBackend):
    """mmengine's local files, written under another name, flushed to the disk and then renamed.

    In a config: `backend_args=dict(backend='longtail_det_atomic')`.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write the bytes `obj` to `filepath`; whatever happens, a file that was there stays until they are safe."""
        with replacing(Path(filepath)) as unfinished:
            unfinished.write_bytes(obj)


register_backend(ATOMIC, AtomicBackend, force=True)
