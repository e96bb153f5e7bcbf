"""One predicted image as arrays, its masks encoded as far as they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtail_det.functional.ops import encode_runs

#: pixels around the box of a detection that its pasted mask may reach into
_MARGIN = 2


class Prediction(NamedTuple):
    """Detections of an image.

    Args:
        img_id: id of the image.
        labels: (n,) int64 class indices of the model.
        scores: (n,) float32 or float64.
        mask_scores: (n,) likewise, what masks are ranked by.
        boxes: (n, 4) float64 x, y, width, height, pixels of the original image.
        masks: (n, H, W) bool tensor, or n RLEs in a list or in anything indexed like one; None where the model gives
            none.
    """

    img_id: int
    labels: NDArray[np.int64]
    scores: NDArray[Any]
    mask_scores: NDArray[Any]
    boxes: NDArray[np.float64]
    masks: Any

    @classmethod
    def from_sample(cls, data_sample: Mapping[str, Any]) -> Prediction:
        """Read the detections of one data sample.

        Args:
            data_sample: `DetDataSample.to_dict()` of a tested image: `img_id` and `pred_instances` with `bboxes`
                (n, 4) xyxy, `scores` (n,), `labels` (n,), maybe `masks` and `mask_scores`.
        """
        instances = data_sample['pred_instances']
        scores = _floats(instances['scores'])
        boxes = _floats(instances['bboxes']).astype(np.float64).reshape(-1, 4)
        boxes[:, 2:] -= boxes[:, :2]
        return cls(
            img_id=data_sample['img_id'],
            labels=_array(instances['labels']).astype(np.int64),
            scores=scores,
            mask_scores=_floats(instances['mask_scores']) if 'mask_scores' in instances else scores,
            boxes=boxes,
            masks=instances.get('masks'),
        )

    def rles(self, rows: NDArray[np.int64], size: Sequence[int]) -> list[dict[str, Any]]:
        """Encode the masks of some detections.

        Args:
            rows: which.
            size: height and width of the image, as the annotation file has them.

        Returns:
            A compressed RLE for each row.

        Raises:
            ValueError: there are no masks, or they are of another size.
        """
        if self.masks is None:
            raise ValueError(
                f"metric 'segm' needs masks, but image {self.img_id} was predicted without any; "
                "ask for metric='bbox', or test a model with a mask head"
            )
        if not len(rows):
            return []
        if not isinstance(self.masks, Tensor):
            # plain dicts: pycocotools refuses subclasses
            rles = [dict(self.masks[row]) for row in rows.tolist()]
        else:
            # on a GPU the few masks that are needed travel
            masks = self.masks if self.masks.device.type == 'cpu' else self.masks[torch.as_tensor(rows)].cpu()
            picked = rows if masks is self.masks else np.arange(len(rows))
            rles = encode_masks(masks.numpy(), picked, self.boxes[rows])
        found, wanted = tuple(rles[0]['size']), tuple(int(side) for side in size)
        if found != wanted:
            raise ValueError(
                f'the masks of image {self.img_id} are {found[1]}x{found[0]}, but the annotation file says '
                f'{wanted[1]}x{wanted[0]}; val_evaluator.ann_file must be the file of the dataset, and masks be '
                'rescaled to the original image'
            )
        return rles


def encode_masks(masks: NDArray[Any], rows: NDArray[np.int64], boxes: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Encode some masks as compressed RLEs, where they lie within a box in a fraction of pycocotools' time.

    Args:
        masks: (n, H, W) bool or 0/1.
        rows: (m,) which of them.
        boxes: (m, 4) x, y, width, height in pixels, around which a mask is looked for first.

    Returns:
        m RLE dicts as `pycocotools.mask.encode` gives them, `counts` in bytes.
    """
    height, width = masks.shape[1:]
    low = np.clip(np.floor(boxes[:, :2]) - _MARGIN, 0, [width, height]).astype(np.int64)
    high = np.clip(np.ceil(boxes[:, :2] + boxes[:, 2:]) + _MARGIN, low, [width, height]).astype(np.int64)
    # one row more, below or else above: where it is empty, every run ends in its column
    spare = np.where(high[:, 1] < height, high[:, 1], low[:, 1] - 1)
    low[:, 1], high[:, 1] = np.minimum(low[:, 1], np.maximum(spare, 0)), np.maximum(high[:, 1], spare + 1)
    columns = []
    for number, row in enumerate(rows.tolist()):
        mask = masks[row].view(np.bool_) if masks.itemsize == 1 else masks[row] != 0
        (left, top), (right, bottom) = low[number].tolist(), high[number].tolist()
        window = mask[top:bottom, left:right].ravel(order='F')
        is_joined = spare[number] >= 0 and np.count_nonzero(mask[spare[number], left:right])
        if is_joined or np.count_nonzero(window) != np.count_nonzero(mask):
            window, low[number], high[number] = mask.ravel(order='F'), 0, (width, height)
        columns.append(window)
    runs = _runs(columns, low, high[:, 1] - low[:, 1], height)
    counts = encode_runs(*runs, num_masks=len(columns), num_pixels=height * width)
    return [{'size': [height, width], 'counts': text} for text in counts]


def _runs(
    columns: Sequence[NDArray[np.bool_]], corners: NDArray[np.int64], sides: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the runs of windows of an image.

    Args:
        columns: m windows, their pixels column by column.
        corners: (m, 2) left and top of each window.
        sides: (m,) height of each window.
        height: of the image.

    Returns:
        The mask, the first pixel and the pixel behind the last one of each run, down the columns of the image.
    """
    gap = np.zeros(1, dtype=bool)
    pieces = [gap, *(piece for column in columns for piece in (column, gap))]
    flat = np.concatenate(pieces)
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    edges[::2] += 1  # now the first pixel of a run, and its last one
    first = np.cumsum([1, *(len(column) + 1 for column in columns)])
    counts = np.diff(np.searchsorted(edges, first))

    def of_window(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.repeat(values, counts)

    within = edges - of_window(first[:-1])
    # divided as 32 bits: several times as fast
    column = within.astype(np.uint32) // of_window(sides).astype(np.uint32)
    pixels = within + column * of_window(height - sides) + of_window(corners[:, 0] * height + corners[:, 1])
    return np.repeat(np.arange(len(columns)), counts // 2), pixels[::2], pixels[1::2] + 1


def _array(values: Any) -> NDArray[Any]:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _floats(values: Any) -> NDArray[Any]:
    """Half precision, which numpy lacks in part, becomes single."""
    if isinstance(values, Tensor) and values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    return _array(values)
