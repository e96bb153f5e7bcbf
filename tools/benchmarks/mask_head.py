"""Mask heads and mask pasting of mmdet beside ours, which compute one class per RoI and encode each box's crop.

Every row is one run on one machine, the two taking turns; read the ratios:

    predictor     the last layer alone: forward, loss and backward on upsampled features of --num-rois RoIs
    head          the whole mask head: 4 convolutions, upsampling, predictor, loss and backward
    paste+encode  --num-masks masks of 28 x 28 into an image of 800 x 1333, to run-length encodings as a metric keeps
                  them, by the mean area of a box as a share of the image

Where mmdet's logits and their gradient would take more than --max-gb, its side of the row is not run.

Example:
    python tools/benchmarks/mask_head.py --num-rois 128 --classes 80 1203 13204
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import longtail_det  # noqa: F401  (first of all: it makes mmdet importable without compiled mmcv)

# isort: split
import torch
import torch.nn.functional as F
from harness import Step, machine, markdown_table, peak_memory, require_device, time_side_by_side
from mmdet.registry import MODELS
from mmdet.structures.mask import encode_mask_results
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor

HEADS = {'ours': 'LabelFCNMaskHead', 'mmdet': 'FCNMaskHead'}
HEIGHT, WIDTH, SIDE = 800, 1333, 28


def build(type_: str, classes: int, args: argparse.Namespace) -> torch.nn.Module:
    """A mask head of mmdet's usual size."""
    loss = dict(type='CrossEntropyLoss', use_mask=True)
    return MODELS.build(
        dict(type=type_, num_classes=classes, predictor_cfg=dict(type=args.predictor), loss_mask=loss)
    ).to(args.device)


def train_step(head: torch.nn.Module, layer: Callable, x: Tensor, labels: Tensor) -> Step:
    """Forward, loss and backward of a head or of its last layer on the same RoIs and random targets."""
    targets = torch.rand(len(x), SIDE, SIDE, device=x.device).round()
    head.get_targets = lambda *args, **kwargs: targets
    sampled = [SimpleNamespace(pos_gt_labels=labels)]

    def step() -> None:
        x.grad = None
        head.zero_grad()
        head.loss_and_target(layer(x), sampled, None, None)['loss_mask']['loss_mask'].sum().backward()

    return step


def compare(name: str, steps: dict[str, Step], args: argparse.Namespace) -> list[str]:
    """One row: times, peaks and their ratios; without mmdet's side if it is not among the steps."""
    seconds = time_side_by_side(steps, rounds=args.rounds, device=args.device)
    peaks = {side: peak_memory(step, args.device) / 2**20 for side, step in steps.items()}
    cells = [name, *(f'{seconds[s] * 1e3:.0f}' if s in seconds else 'not run' for s in HEADS)]
    cells.append(f'{seconds["mmdet"] / seconds["ours"]:.1f} x' if 'mmdet' in seconds else '')
    cells += [f'{peaks[s]:.0f}' if s in peaks else 'not run' for s in HEADS]
    return cells


def training_rows(classes: int, args: argparse.Namespace) -> list[list[str]]:
    """Rows of the predictor and of the whole head at one size of vocabulary."""
    dense_gb = 2 * args.num_rois * classes * SIDE**2 * 4 / 1e9
    sides = HEADS if dense_gb <= args.max_gb else {'ours': HEADS['ours']}
    heads = {side: build(type_, classes, args) for side, type_ in sides.items()}
    labels = torch.randint(classes, (args.num_rois,), device=args.device)
    rows = []
    for name, size in (('predictor', SIDE), ('head', SIDE // 2)):
        x = torch.randn(args.num_rois, 256, size, size, device=args.device).requires_grad_()
        steps = {
            side: train_step(head, head.conv_logits if name == 'predictor' else head, x, labels)
            for side, head in heads.items()
        }
        rows.append(compare(f'{name}, C = {classes}', steps, args))
    return rows


def paste_rows(args: argparse.Namespace) -> list[list[str]]:
    """Rows of pasting and encoding, for small, usual and large boxes."""
    heads = {side: build(type_, 2, args) for side, type_ in HEADS.items()}
    generator = torch.Generator().manual_seed(0)
    coarse = 3 * torch.randn(args.num_masks, 1, 5, 5, generator=generator)
    logits = F.interpolate(coarse, size=(SIDE, SIDE), mode='bicubic').to(args.device)
    meta = [dict(ori_shape=(HEIGHT, WIDTH), scale_factor=(1.0, 1.0))]
    rows = []
    for scale in (3.5, 4.2, 5.5):
        limits = torch.tensor([WIDTH, HEIGHT])
        center = torch.rand(args.num_masks, 2, generator=generator) * limits
        size = torch.exp(0.9 * torch.randn(args.num_masks, 2, generator=generator) + scale)
        corners = torch.stack([center - size / 2, center + size / 2], dim=1)
        boxes = torch.minimum(corners.clamp(min=0), limits).flatten(1).to(args.device)
        share = float((boxes[:, 2:] - boxes[:, :2]).prod(dim=1).mean()) / (HEIGHT * WIDTH)
        labels = torch.zeros(len(boxes), dtype=torch.long, device=args.device)

        def step(head: torch.nn.Module, boxes: Tensor = boxes, labels: Tensor = labels) -> list:
            head.class_agnostic = True  # both are given the one channel: this is about pasting
            result = InstanceData(bboxes=boxes.clone(), labels=labels)
            masks = head.predict_by_feat([logits], [result], meta, ConfigDict(mask_thr_binary=0.5))[0].masks
            return list(masks) if not isinstance(masks, Tensor) else encode_mask_results(masks.cpu().numpy())

        # a GPU rounds a few values to the other side of the threshold (tests/functional/ops/test_on_device.py)
        assert args.device != 'cpu' or step(heads['ours']) == step(heads['mmdet'])
        steps = {side: lambda head=head: step(head) for side, head in heads.items()}
        rows.append(compare(f'paste+encode, boxes of {share:.1%} of the image', steps, args))
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-rois', type=int, default=128, help='positive RoIs of a step')
    parser.add_argument('--num-masks', type=int, default=300, help='predicted masks of an image')
    parser.add_argument('--classes', type=int, nargs='+', default=[80, 1203, 13204], help='sizes of the vocabulary')
    parser.add_argument('--predictor', default='Conv', choices=['Conv', 'NormedConv2d'])
    parser.add_argument('--max-gb', type=float, default=4.0, help="run mmdet's head up to this size of its logits")
    parser.add_argument('--rounds', type=int, default=3, help='timed rounds; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    init_default_scope('mmdet')
    header = ['step', 'ours, ms', 'mmdet, ms', 'ratio', 'ours, peak MiB', 'mmdet, peak MiB']
    print(f'{machine(args.device)}; {args.num_rois} RoIs, {args.predictor}, {args.num_masks} masks')
    with torch.no_grad():
        rows = paste_rows(args)
    for classes in args.classes:
        rows = [*rows, *training_rows(classes, args)]
    print(markdown_table(header, rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
