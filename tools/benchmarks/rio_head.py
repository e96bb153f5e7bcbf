"""Cost of object-level resampling (RIO) beside the box head's own forward + backward on the same RoIs.

Three things take turns in one run on one machine; read the shares, not the times:

    head          LongTailBBoxHead: forward, targets, loss and backward
    bookkeeping   what the bank needs: sampling, assembling the replayed rows with the batch, storing the step's RoIs
    RIO head      RIOBBoxHead: all of the head's, the bookkeeping, and the replayed rows through the two last layers

The bank is full, the foreground spreads evenly over the replayed classes. --profile counts, instead of timing, the
operations of each that make the host wait for the device.

Example:
    python tools/benchmarks/rio_head.py --num-rois 1024 --foreground 128 --replay-classes 30
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace

import torch
from harness import Step, machine, markdown_table, require_device, time_side_by_side
from mmengine.config import ConfigDict

from longtail_det.models.bbox_heads import LongTailBBoxHead, RIOBBoxHead
from longtail_det.models.bbox_heads.replay import draw_replay, may_pad

TRAIN_CFG = ConfigDict(pos_weight=-1)
#: names in a profiler trace of what waits: scalars read, copies to the host, shapes that depend on values
WAITS = ('aten::_local_scalar_dense', 'aten::nonzero', 'Memcpy DtoH')


def make_images(args: argparse.Namespace) -> list[SimpleNamespace]:
    """Two images of random boxes in the form of mmdet's sampling results."""
    generator = torch.Generator().manual_seed(0)
    labels = (torch.arange(args.foreground) % args.replay_classes).to(args.device)
    images = []
    for part in labels.chunk(2):
        corners = 500 * torch.rand(args.num_rois // 2 + len(part), 2, generator=generator)
        boxes = torch.cat([corners, corners + 60], dim=1).to(args.device)
        images.append(
            SimpleNamespace(
                pos_priors=boxes[: len(part)],
                pos_gt_bboxes=boxes[len(part) : 2 * len(part)],
                neg_priors=boxes[2 * len(part) :],
                pos_gt_labels=part,
                pos_inds=torch.arange(len(part)),
                num_gts=args.replay_classes,
            )
        )
    return images


def make_steps(args: argparse.Namespace) -> dict[str, Step]:
    """Name -> step; every one on the same RoIs."""
    sizes = {'num_classes': args.num_classes, 'in_channels': 256, 'fc_out_channels': 1024}
    loss = {'type': args.loss, **({} if args.loss == 'CrossEntropyLoss' else {'num_classes': args.num_classes})}
    head = LongTailBBoxHead(loss_cls=loss, **sizes).to(args.device)
    bank = {'target_classes': range(min(args.target_classes, args.num_classes))}
    rio = RIOBBoxHead(loss_cls=loss, bank=bank, **sizes).to(args.device)
    images = make_images(args)
    x = torch.randn(args.num_rois, 256, 7, 7, device=args.device).requires_grad_()
    rois = torch.zeros(args.num_rois, 5, device=args.device)
    labels, weights, targets, _ = rio.get_targets(images, TRAIN_CFG)
    features = torch.rand(args.num_rois, 1024, device=args.device)
    cls_score = torch.zeros(args.num_rois, rio.fc_cls.out_features, device=args.device)
    for _ in range(1 + 60 * args.replay_classes // max(args.foreground, 1)):
        rio.bank.push(features, labels, targets)

    def train(module: LongTailBBoxHead) -> None:
        x.grad = None
        module.zero_grad()
        losses = module.loss_and_target(*module(x), rois, images, TRAIN_CFG)['loss_bbox']
        sum(value.sum() for key, value in losses.items() if 'loss' in key).backward()

    padded = may_pad(rio.loss_cls, labels)
    knobs = {'num_per_class': rio.replay_per_class, 'strategy': rio.strategy, 'padded': padded, 'dtype': x.dtype}
    replay = draw_replay(rio.bank, labels, images, **knobs)
    replayed_score = cls_score.new_zeros(len(replay), cls_score.size(1))

    def bookkeeping() -> None:
        drawn = draw_replay(rio.bank, labels, images, **knobs)
        torch.cat([cls_score, replayed_score])
        torch.cat([labels, drawn.labels])
        torch.cat([weights, drawn.mask(weights.new_ones(len(drawn)))])
        rio.bank.push(features, labels, targets)

    return {'head': lambda: train(head), 'bookkeeping': bookkeeping, 'RIO head': lambda: train(rio)}


def count_waits(step: Step, device: str) -> Counter[str]:
    """Return how often each operation that waits for the device is in a trace of one step."""
    step()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device == 'cuda':
        activities.append(torch.profiler.ProfilerActivity.CUDA)
        torch.cuda.synchronize()
    with torch.profiler.profile(activities=activities) as profile:
        step()
    return Counter(wait for event in profile.events() for wait in WAITS if wait in event.name)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-rois', type=int, default=1024, help='RoIs of a step')
    parser.add_argument('--foreground', type=int, default=128, help='foreground RoIs among them')
    parser.add_argument('--replay-classes', type=int, default=30, help='target classes among these; 20 rows of each')
    parser.add_argument('--num-classes', type=int, default=1203, help='foreground classes')
    parser.add_argument('--target-classes', type=int, default=553, help='classes in the bank (553 on LVIS v1)')
    parser.add_argument('--loss', default='CrossEntropyLoss', choices=['CrossEntropyLoss', 'SeesawLoss', 'EQLv2'])
    parser.add_argument('--rounds', type=int, default=7, help='timed rounds; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--profile', action='store_true', help='count operations that wait for the device')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    steps = make_steps(args)
    print(
        f'{machine(args.device)}; {args.num_rois} RoIs, {args.foreground} foreground of {args.replay_classes} target '
        f'classes, {args.num_classes} classes, {args.loss}'
    )
    if args.profile:
        counts = {name: count_waits(step, args.device) for name, step in steps.items()}
        print(markdown_table(['step', *WAITS], [[name, *(str(c[w]) for w in WAITS)] for name, c in counts.items()]))
        return 0
    seconds = time_side_by_side(steps, rounds=args.rounds, device=args.device)
    rows = [[name, f'{value * 1e3:.2f}', f'{value / seconds["head"]:.1%}'] for name, value in seconds.items()]
    print(markdown_table(['step', f'ms (median of {args.rounds})', 'share of the head'], rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
