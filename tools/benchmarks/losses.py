"""Time and peak memory of forward + backward of our losses beside the code they replace.

All of one table comes from one run on one machine, the candidates taking turns; read the ratios, not the times.

Example:
    python tools/benchmarks/losses.py --num-rois 2048 --num-classes 1203
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from harness import Step, machine, markdown_table, peak_memory, time_side_by_side

LossCall = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def candidates(num_classes: int) -> dict[str, dict[str, tuple[LossCall, int]]]:
    """For each method: name -> (loss of logits and labels, number of columns); 'ours' is compared to the others."""
    from mmdet.models.losses.seesaw_loss import SeesawLoss as MMDetSeesawLoss

    from longtail_det.models import SeesawLoss

    def total(module: torch.nn.Module) -> LossCall:
        return lambda logits, labels: sum(module(logits, labels, None, avg_factor=float(len(labels))).values())

    def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits, labels)

    return {
        'SeesawLoss': {
            'ours': (total(SeesawLoss(num_classes=num_classes)), num_classes + 2),
            'mmdet': (total(MMDetSeesawLoss(num_classes=num_classes)), num_classes + 2),
            'F.cross_entropy': (cross_entropy, num_classes + 1),
        }
    }


def make_step(loss: LossCall, num_rois: int, num_classes: int, channels: int, args: argparse.Namespace) -> Step:
    """One forward and backward on fixed random logits with the wanted share of foreground RoIs."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(num_classes, (num_rois,), generator=generator)
    labels[int(num_rois * args.foreground) :] = num_classes
    labels = labels[torch.randperm(num_rois, generator=generator)].to(args.device)
    logits = torch.randn(num_rois, channels, generator=generator).to(args.device, getattr(torch, args.dtype))
    logits.requires_grad_()

    def step() -> None:
        logits.grad = None
        loss(logits, labels).backward()

    return step


def measure(num_rois: int, num_classes: int, args: argparse.Namespace) -> list[list[str]]:
    """Rows of the table for one size."""
    rows = []
    for method, members in candidates(num_classes).items():
        steps = {}
        for name, (loss, channels) in members.items():
            if isinstance(loss, torch.nn.Module):
                loss.to(args.device)
            steps[name] = make_step(loss, num_rois, num_classes, channels, args)
        seconds = time_side_by_side(steps, rounds=args.rounds, device=args.device)
        memory = {name: peak_memory(step, args.device) for name, step in steps.items()}
        for name in members:
            rows.append(
                [
                    method,
                    str(num_rois),
                    str(num_classes),
                    name,
                    f'{seconds[name] * 1e3:.2f}',
                    f'{memory[name] / 2**20:.1f}',
                    f'{seconds["ours"] / seconds[name]:.2f}',
                    f'{memory["ours"] / max(memory[name], 1):.2f}',
                ]
            )
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Command line of this benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-rois', type=int, nargs='+', default=[2048, 512], help='RoIs of a step')
    parser.add_argument('--num-classes', type=int, nargs='+', default=[1203], help='foreground classes')
    parser.add_argument('--foreground', type=float, default=0.25, help='share of foreground RoIs')
    parser.add_argument('--rounds', type=int, default=15, help='timed rounds; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--dtype', default='float32', choices=['float32', 'bfloat16', 'float16'], help='of the logits')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    args = build_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    rows = [row for c in args.num_classes for n in args.num_rois for row in measure(n, c, args)]
    print(f'{machine(args.device)}; {args.dtype}, {args.foreground:.0%} foreground, median of {args.rounds} rounds')
    header = ['method', 'RoIs', 'classes', 'code', 'ms', 'peak MiB', 'ours / it: time', 'ours / it: memory']
    print(markdown_table(header, rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
