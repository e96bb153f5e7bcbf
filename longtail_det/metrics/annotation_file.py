"""The annotation file of an evaluator: found on any of mmengine's file backends, and what it does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine import fileio


@contextmanager
def local_annotations(ann_file: str, backend_args: dict[str, Any] | None = None) -> Iterator[str]:
    """Return the path of an annotation file on this machine; a fetched one is deleted at the end.

    Args:
        ann_file: path or URI of the json.
        backend_args: mmengine's file backend, where the file is not on a local disk.

    Raises:
        FileNotFoundError: nothing at `ann_file`.
    """
    if not fileio.exists(ann_file, backend_args=backend_args):
        raise FileNotFoundError(f'annotation file not found: {ann_file}; set val_evaluator.ann_file')
    with fileio.get_local_path(ann_file, backend_args=backend_args) as path:
        yield str(path)


def missing_fields(federated: bool, has_groups: bool) -> Iterator[str]:
    """Report in one line each what an annotation file does not tell, and what follows from it.

    Args:
        federated: whether any image lists `neg_category_ids`.
        has_groups: whether the frequency groups of the classes are known.
    """
    if not federated:
        yield 'annotation file without neg_category_ids: every class that an image does not show is negative'
    if not has_groups:
        yield (
            'annotation file without frequency or image_count of the training set: no APr, APc, APf; '
            "FastLVISMetric's class_statistics can give the counts"
        )
