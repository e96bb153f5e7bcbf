"""The compiled ops of mmcv that Mask R-CNN and its kin call, on torchvision and plain torch.

Names and arguments are those of mmcv 2.x's `mmcv._ext`, because `mmcv.ops` calls these functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import torch
import torchvision
from torch import Tensor

from .mmcv_focal_loss import sigmoid_focal_loss_backward, sigmoid_focal_loss_forward
from .versions import compiled_mmcv_command

_NAIVE, _LINEAR, _GAUSSIAN = range(3)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Select boxes that overlap no higher-scoring box (op `nms`).

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels; anything but float64 is computed in float32.
        scores: (N,) any range.
        iou_threshold: a box goes where its IoU with a kept one is above this; it stays at exactly the threshold,
            rounded to the precision of the boxes as the compiled op does.
        offset: 0, or 1 where x2 - x1 + 1 is the width.

    Returns:
        (K,) int64 indices of the kept boxes by descending score, equal scores by ascending index (the compiled op
        leaves their order open).

    Example:
        >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
        >>> nms(boxes, torch.tensor([0.5, 0.9, 0.5]), iou_threshold=0.5, offset=0).tolist()
        [1, 2]
    """
    dtype = _compute_dtype(boxes)
    boxes = boxes.to(dtype)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    threshold = torch.tensor(iou_threshold, dtype=dtype).item()
    return torchvision.ops.nms(boxes, scores.to(dtype), threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Select boxes, with lower scores where they overlap (op `softnms`; Bodla et al., ICCV 2017, arXiv:1704.04503).

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        scores: (N,) any range.
        dets: (N, 5) written in place: row k < K holds the k-th kept box and its lowered score.
        iou_threshold: methods 0 and 1 act from this IoU on.
        sigma: width of the Gaussian of method 2.
        min_score: a box whose lowered score falls below it is dropped.
        method: 0 naive (factor 0), 1 linear (1 - IoU), 2 Gaussian (exp(-IoU^2 / sigma)).
        offset: 0, or 1 where x2 - x1 + 1 is the width.

    Returns:
        (K,) int64 indices of the kept boxes, in the order in which they were picked. Of equal scores the one nearer
        to the front of the working list is picked; picked and dropped boxes leave the list in the compiled op's way.
    """
    rows = torch.cat([boxes, scores[:, None]], dim=1).to(_compute_dtype(boxes))
    kept = torch.arange(len(rows), device=boxes.device)
    picked = 0
    while picked < len(rows):
        best = picked + int(rows[picked:, 4].argmax())
        _swap(rows, picked, best)
        _swap(kept, picked, best)
        dets[picked] = rows[picked]
        picked += 1
        iou = _iou(rows[picked - 1, :4], rows[picked:, :4], offset)
        rows[picked:, 4] *= _score_factor(iou, iou_threshold, sigma, method)
        alive = _fill_holes(~(rows[picked:, 4] < min_score)) + picked
        rows, kept = (torch.cat([x[:picked], x[alive]]) for x in (rows, kept))
    return kept


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Compute means of samples over bins of each RoI (op `roi_align_forward`; He et al., ICCV 2017, arXiv:1703.06870).

    Args:
        input: (B, C, H, W) features; anything but float64 is computed in float32.
        rois: (N, 5) batch index, x1, y1, x2, y2 in pixels of the image.
        output: (N, C, aligned_height, aligned_width) written in place.
        argmax_y: like `argmax_x` used by pool mode 'max' of the compiled op only.
        aligned_height: bins along y.
        aligned_width: bins along x.
        spatial_scale: feature pixels per image pixel.
        sampling_ratio: samples per bin and axis; 0 takes about one per feature pixel.
        pool_mode: 1 for 'avg'.
        aligned: shift by half a pixel, so that pixel centers lie at .5.

    Raises:
        NotImplementedError: `pool_mode` is 'max'.
    """
    _require_average(pool_mode)
    dtype = _compute_dtype(input)
    pooled = torch.ops.torchvision.roi_align(
        input.to(dtype), rois.to(dtype), spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add the gradient of `roi_align_forward` with respect to the features to `grad_input` (op `roi_align_backward`).

    Args:
        grad_output: (N, C, aligned_height, aligned_width), any strides.
        grad_input: (B, C, H, W) added to in place.
        rois: as in `roi_align_forward`, like all the others.

    Raises:
        NotImplementedError: `pool_mode` is 'max'.
    """
    _require_average(pool_mode)
    # The CUDA kernel adds with atomics and refuses to run when determinism is asked for; the CPU's adds in order.
    device = 'cpu' if torch.are_deterministic_algorithms_enabled() else grad_output.device
    dtype = _compute_dtype(grad_output)
    grad = torch.ops.torchvision._roi_align_backward(
        grad_output.to(device, dtype),
        rois.to(device, dtype),
        spatial_scale,
        aligned_height,
        aligned_width,
        *grad_input.shape,
        sampling_ratio,
        aligned,
    )
    grad_input.add_(grad.to(grad_input))


def get_compiler_version() -> str:
    """Return for `mmcv.utils.collect_env` that nothing was compiled."""
    return f'n/a (nms and RoIAlign by torchvision {torchvision.__version__})'


def get_compiling_cuda_version() -> str:
    """Return for `mmcv.utils.collect_env` that nothing was compiled."""
    return 'n/a'


def missing_op(name: str) -> Callable[..., NoReturn]:
    """Return what raises in the place of a compiled op without a replacement; `mmcv.ops` imports all of them.

    Raises:
        AttributeError: `name` starts with an underscore, so that inspect, pickle and doctest find an ordinary module.
    """
    if name.startswith('_'):
        raise AttributeError(f"module 'mmcv._ext' has no attribute {name!r}")

    def op(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(
            f'mmcv op {name!r} is not among those that run without compiling '
            '(nms, soft_nms, RoIAlign, sigmoid_focal_loss); '
            f'install the compiled mmcv: {compiled_mmcv_command()}'
        )

    op.__name__ = op.__qualname__ = name
    return op


def _compute_dtype(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _iou(box: Tensor, others: Tensor, offset: int) -> Tensor:
    area, areas = ((x[..., 2:] - x[..., :2] + offset).prod(-1) for x in (box, others))
    sides = torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2]) + offset
    overlap = sides.clamp(min=0).prod(-1)
    # two boxes without area: 0 / 0, which would make the Gaussian's score NaN
    return (overlap / (area + areas - overlap)).nan_to_num(nan=0.0)


def _score_factor(iou: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    if method == _GAUSSIAN:
        return torch.exp(-iou.square() / sigma)
    return torch.where(iou >= iou_threshold, 1 - iou if method == _LINEAR else 0.0, 1.0)


def _swap(rows: Tensor, i: int, j: int) -> None:
    rows[[i, j]] = rows[[j, i]]


def _fill_holes(alive: Tensor) -> Tensor:
    """Return indices of the True entries; each False before the K-th place is taken by the last True that is left."""
    count = int(alive.sum())
    order = torch.arange(count, device=alive.device)
    order[~alive[:count]] = (alive[count:].nonzero()[:, 0] + count).flip(0)
    return order


def _require_average(pool_mode: int) -> None:
    if pool_mode != 1:
        raise NotImplementedError(
            "RoIAlign with pool_mode='max' needs the compiled mmcv; use pool_mode='avg', or install it: "
            + compiled_mmcv_command()
        )


OPS: dict[str, Callable[..., Any]] = {
    op.__name__: op
    for op in (
        nms,
        softnms,
        roi_align_forward,
        roi_align_backward,
        sigmoid_focal_loss_forward,
        sigmoid_focal_loss_backward,
        get_compiler_version,
        get_compiling_cuda_version,
    )
}
