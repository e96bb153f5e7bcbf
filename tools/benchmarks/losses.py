"""Time and peak memory of forward + backward of our losses beside the code they replace.

All of one table comes from one run on one machine, the candidates taking turns; read the ratios, not the times.

Example:
    python tools/benchmarks/losses.py --num-rois 2048 --num-classes 1203
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import released_losses
import torch
import torch.nn.functional as F
from harness import Step, machine, markdown_table, peak_memory, require_device, time_side_by_side

import longtail_det  # noqa: F401  (first: it makes mmdet importable)

LossCall = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: name of the code -> loss of logits and labels, number of columns
Members = dict[str, tuple[LossCall, int]]


def candidates(num_classes: int, device: str) -> dict[str, Members]:
    """For each method ours, the code it replaces, and plain cross entropy."""
    from mmdet.models.losses import CrossEntropyLoss
    from mmdet.models.losses.seesaw_loss import SeesawLoss as MMDetSeesawLoss

    from longtail_det import losses
    from longtail_det.losses import EQL, DropLoss, EQLv2, GumbelCE, SeesawLoss, SigmoidCE

    # LVIS v1: two thirds of the classes are rare or common
    image_count = [50 if c % 3 else 500 for c in range(num_classes)]
    tail_knobs = dict(
        num_classes=num_classes,
        lambda_=0.1,
        class_statistics=dict(image_count=image_count, instance_count=image_count, num_images=1000),
    )
    is_tail = torch.tensor([count == 50 for count in image_count], device=device)

    def of(module: torch.nn.Module) -> LossCall:
        module.to(device)
        return lambda x, y: total(module(x, y, None, avg_factor=float(len(y))))

    def tail(function: Callable[..., torch.Tensor], **kwargs: bool) -> LossCall:
        return lambda x, y: function(x, y, is_tail, **kwargs)

    with_background, without, seesaw = num_classes + 1, num_classes, num_classes + 2
    released_eqlv2 = released_losses.EQLv2(num_classes).to(device)
    table: dict[str, Members] = {
        'SeesawLoss': {
            'ours': (of(SeesawLoss(num_classes=num_classes)), seesaw),
            'mmdet': (of(MMDetSeesawLoss(num_classes=num_classes)), seesaw),
        },
        'EQLv2': {'ours': (of(EQLv2(num_classes)), with_background), 'released': (released_eqlv2, with_background)},
        'SigmoidCE': {
            'ours': (of(SigmoidCE(num_classes)), with_background),
            'mmdet': (of(CrossEntropyLoss(use_sigmoid=True)), with_background),
        },
        'GumbelCE': {
            'ours': (of(GumbelCE(num_classes)), with_background),
            'released': (released_losses.gumbel_ce, with_background),
        },
        'EQL': {'ours': (of(EQL(**tail_knobs)), without), 'released': (tail(released_losses.eql), without)},
        'DropLoss': {
            'ours': (of(DropLoss(**tail_knobs)), without),
            'released': (tail(released_losses.drop_loss), without),
        },
        'DropLoss, Gumbel': {
            'ours': (of(DropLoss(**tail_knobs, activation='gumbel')), without),
            'released': (tail(released_losses.drop_loss, gumbel=True), without),
        },
    }
    counts = dict(class_statistics=tail_knobs['class_statistics'])
    softmax = dict(type='CrossEntropyLoss')
    newer = {
        'ECMLoss': counts,
        'LogitAdjustedCE': counts,
        'IIFLoss': counts,
        'EBL': {},
        'GroupSoftmax': counts,
        'ACSL': counts,
        'FCBL': {},
        'PCB': dict(base=softmax, alpha=0.4, start_epoch=0),
        'GAP': dict(base=softmax),
    }
    for name, options in newer.items():
        module = getattr(losses, name)(num_classes=num_classes, **options) if fits(name, num_classes) else None
        if module is not None:
            table[name] = {'ours': (of(module), num_classes + module.extra_channels)}
    fed = losses.FedLoss(num_classes, **counts).to(device)
    table['FedLoss'] = {
        'ours': (lambda x, y: fed_on_demand(fed, x, few_classes(y, num_classes)), FED_COLUMNS),
        'ours, all logits': (lambda x, y: fed(x, few_classes(y, num_classes)), num_classes),
        'BCE of 49 columns': (lambda x, y: bce_of_columns(x, few_classes(y, num_classes)), FED_COLUMNS),
    }
    table |= dense_candidates(num_classes, device)
    for members in table.values():
        members['F.cross_entropy'] = (F.cross_entropy, with_background)
    return table


def dense_candidates(num_classes: int, device: str) -> dict[str, Members]:
    """The losses of one-stage detectors, on anchors in place of RoIs, beside mmdet's of balanced classes."""
    from mmdet.models.losses import FocalLoss, QualityFocalLoss

    from longtail_det.losses import EFL, EQFL

    def of(module: torch.nn.Module, quality: bool) -> tuple[LossCall, int]:
        module.to(device)

        def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            target = (y, torch.linspace(0, 1, len(y), device=y.device)) if quality else y
            return module(x, target, avg_factor=float(len(y)))

        return loss, num_classes

    return {
        'EFL': {'ours': of(EFL(num_classes), False), 'mmdet FocalLoss': of(FocalLoss(), False)},
        'EQFL': {'ours': of(EQFL(num_classes), True), 'mmdet QualityFocalLoss': of(QualityFocalLoss(), True)},
    }


def fits(name: str, num_classes: int) -> bool:
    """Whether a loss takes so many classes; a table of C x C is refused above 4096."""
    return name not in ('FCBL', 'PCB') or num_classes <= 4096


#: columns of FedLoss: 50, of which background is one
FED_COLUMNS = 49


def few_classes(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Labels of 40 classes and background, as in a training step."""
    return torch.where(labels < num_classes, labels % 40, num_classes)


def fed_on_demand(loss: torch.nn.Module, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Draw, and the loss of the drawn columns."""
    return loss.loss_of_columns(logits, labels, loss.sample_classes(labels), None, float(len(labels)))


def bce_of_columns(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Plain binary cross entropy of a few columns."""
    target = F.one_hot(labels.clamp(max=FED_COLUMNS), FED_COLUMNS + 1)[:, :FED_COLUMNS].to(logits)
    return F.binary_cross_entropy_with_logits(logits, target, reduction='sum') / len(labels)


def total(loss: torch.Tensor | dict[str, torch.Tensor]) -> torch.Tensor:
    """Sum of the parts of a loss."""
    return sum(loss.values()) if isinstance(loss, dict) else loss


def make_step(loss: LossCall, num_rois: int, num_classes: int, channels: int, args: argparse.Namespace) -> Step:
    """One forward and backward on fixed random logits with the wanted share of foreground RoIs."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(min(args.batch_classes or num_classes, num_classes), (num_rois,), generator=generator)
    labels[int(num_rois * args.foreground) :] = num_classes
    labels = labels[torch.randperm(num_rois, generator=generator)].to(args.device)
    logits = torch.randn(num_rois, channels, generator=generator).to(args.device, getattr(torch, args.dtype))
    logits.requires_grad_()

    def step() -> None:
        loss(logits, labels).backward()
        logits.grad = None  # here, so that the next step's memory starts from nothing

    return step


def measure(num_rois: int, num_classes: int, args: argparse.Namespace) -> list[list[str]]:
    """Rows of the table for one size."""
    rows = []
    for method, members in candidates(num_classes, args.device).items():
        if args.only and method not in args.only:
            continue
        if num_classes > args.square_limit:
            members.pop('mmdet' if method == 'SeesawLoss' else '', None)
        steps = {
            name: make_step(loss, num_rois, num_classes, channels, args) for name, (loss, channels) in members.items()
        }
        seconds = time_side_by_side(steps, rounds=args.rounds, device=args.device, settled=not args.fresh_malloc)
        memory = {name: peak_memory(step, args.device) for name, step in steps.items()}
        per_logit = seconds['ours'] / (num_rois * num_classes) * 1e9
        for name in members:
            ratios = [f'{seconds["ours"] / seconds[name]:.2f}', f'{memory["ours"] / max(memory[name], 1):.2f}']
            rows.append(
                [method, str(num_rois), str(num_classes), name]
                + [f'{seconds[name] * 1e3:.2f}', f'{memory[name] / 2**20:.1f}']
                + (['', '', f'{per_logit:.2f}'] if name == 'ours' else [*ratios, ''])
            )
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--num-rois', type=int, nargs='+', default=[2048, 512], help='RoIs of a step')
    parser.add_argument('--num-classes', type=int, nargs='+', default=[1203], help='foreground classes')
    parser.add_argument('--foreground', type=float, default=0.25, help='share of foreground RoIs')
    parser.add_argument(
        '--batch-classes', type=int, help='classes of the foreground RoIs, some 40 in training; default all'
    )
    parser.add_argument('--rounds', type=int, default=15, help='timed rounds; the median is printed')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--only', nargs='+', help='methods to measure, as named in the table; default all')
    parser.add_argument(
        '--square-limit', type=int, default=5000, help="above so many classes leave out mmdet's C x C SeesawLoss"
    )
    parser.add_argument(
        '--fresh-malloc',
        action='store_true',
        help='as in a process that has freed no large block yet, where each step also pays for page faults',
    )
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--dtype', default='float32', choices=['float32', 'bfloat16', 'float16'], help='of the logits')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    args = build_parser().parse_args(argv)
    require_device(args.device)
    torch.set_num_threads(args.threads)
    rows = [row for c in args.num_classes for n in args.num_rois for row in measure(n, c, args)]
    print(f'{machine(args.device)}; {args.dtype}, {args.foreground:.0%} foreground, median of {args.rounds} rounds')
    header = ['method', 'RoIs', 'classes', 'code', 'ms', 'peak MiB', 'ours / it: time', 'memory', 'ns per logit']
    print(markdown_table(header, rows))
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
