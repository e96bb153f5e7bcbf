"""Train a detector from a config.

Example:
    longtail-det train configs/glyphs/CONFIG.py --work-dir work_dirs/mine --cfg-options train_cfg.max_iters=100

On several GPUs or processes use tools/dist_train.sh, on Slurm tools/slurm_train.sh. A run that was stopped or killed
goes on with --resume from its newest whole checkpoint, exactly (docs/resume.md). Checkpoints of an earlier run are not
overwritten; --from-scratch moves them away. SIGTERM and SIGHUP save a checkpoint and end the run with 143 or 129.

The learning rate of a config belongs to its auto_scale_lr.base_batch_size, the images per update of the weights; these
are train_dataloader.batch_size x processes x --accumulate. With --auto-scale-lr the rate is multiplied by their ratio.
--accumulate updates the weights after every N batches, by their mean gradient; epochs are what they were, and whatever
is counted in iterations (warm-up, max_iters) still counts batches.

A config of a second stage goes on from the last checkpoint of the first, work_dirs/<name of its config>, or from
--first-stage.

A mistake in the command line or in the config is one line and exit code 2; LONGTAIL_DET_TRACEBACK=1 shows the traceback
behind it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import CommandParser, add_common_arguments, numeric
from .errors import UserError, one_line_errors, setup_errors

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner

_TIMEOUT = 600  # seconds


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument(
        '--accumulate',
        type=numeric(1, is_whole=True),
        metavar='N',
        help='batches per update of the weights; default: what the config says',
    )
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the images per update'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without a value from the newest whole one in the work dir',
    )
    parser.add_argument(
        '--from-scratch',
        action='store_true',
        help='start over where the work dir holds checkpoints (with --resume: where none of them is whole); they are '
        'moved into a folder inside it',
    )
    parser.add_argument(
        '--timeout',
        type=_seconds,
        metavar='SECONDS',
        help='end the run when another process or a loader worker says nothing for so long; default: '
        f'env_cfg.dist_cfg.timeout of the config, or {_TIMEOUT}',
    )
    parser.add_argument(
        '--first-stage',
        metavar='DIR_OR_CHECKPOINT',
        help='where the weights of the first stage are, for a config of a second; default: the last checkpoint in the '
        'folder named as the config of the first, beside the work dir',
    )
    add_common_arguments(parser)
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with setup_errors() as progress:
        from .config import check_checkpoint, check_config, load_config

        check_config(args.config)
        if args.resume not in (None, 'auto'):
            check_checkpoint(args.resume)
        # torch takes seconds to import: a wrong path is reported before
        from .runner import StartHook, build_runner, prepare_processes, select_device
        from .train_run import exact_checkpoints, train, use_exact_checkpoints

        device = select_device(args)
        cfg = load_config(args)
        _apply_training_options(cfg, args, device)
        use_exact_checkpoints(cfg)
        prepare_processes(cfg, args, device)
        runner = build_runner(cfg)
        _count_accumulated(cfg, runner)
        hook = StartHook(progress, loops=('train_loop', 'val_loop'))
        runner.register_hook(hook, priority='HIGHEST')
        with exact_checkpoints(runner, args.from_scratch, cfg.env_cfg.dist_cfg.timeout):
            train(runner)
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'{text}; expected seconds, more than 0')
    return value


def _apply_training_options(cfg: Config, args: argparse.Namespace, device: str) -> None:
    if args.amp:
        enable_amp(cfg, device)
    if args.accumulate is not None:
        accumulate(cfg, args.accumulate)
    if args.auto_scale_lr:
        _enable_scaling(cfg)
    if args.first_stage is not None:
        _set_first_stage(cfg, args.first_stage)
    timeout = args.timeout or (cfg.get('env_cfg') or {}).get('dist_cfg', {}).get('timeout', _TIMEOUT)
    cfg.merge_from_dict({'env_cfg.dist_cfg.timeout': timeout})
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume


def _set_first_stage(cfg: Config, path: str) -> None:
    hooks = [hook for hook in cfg.get('custom_hooks') or () if str(hook.get('type')).endswith('FirstStageHook')]
    if not hooks:
        raise UserError(
            f'--first-stage {path}, but the config is of no second stage: it has no FirstStageHook in custom_hooks; '
            'to start from any weights use --cfg-options load_from=CHECKPOINT'
        )
    if not ('://' in path or Path(path).exists()):
        raise UserError(f'--first-stage {path}: no such file or folder')
    hooks[0].first_stage = path


def enable_amp(cfg: Config, device: str) -> None:
    """Select automatic mixed precision, as --amp asks for it."""
    if device == 'cpu':
        raise UserError('--amp needs a GPU, and this run is on the CPU; leave it out')
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UserError(f'--amp replaces optim_wrapper.type=OptimWrapper, but the config has {kind}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    # a config that is trained in float16 anyway keeps its own
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def accumulate(cfg: Config, batches: int) -> None:
    """Set the batches per update of the weights, as --accumulate asks for it."""
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'ApexOptimWrapper'):
        raise UserError(f'--accumulate sets optim_wrapper.accumulative_counts, which {kind} may not have')
    cfg.optim_wrapper.accumulative_counts = batches


def _enable_scaling(cfg: Config) -> None:
    base = (cfg.get('auto_scale_lr') or {}).get('base_batch_size')
    if not isinstance(base, int | float) or base <= 0:
        found = 'does not say' if base is None else f'has base_batch_size={base!r}'
        raise UserError(
            f'--auto-scale-lr, but the config {found} for which batch size its learning rate was made; '
            'add auto_scale_lr=dict(base_batch_size=16)'
        )
    cfg.auto_scale_lr.enable = True


def _count_accumulated(cfg: Config, runner: Runner) -> None:
    """Count accumulated batches in the scaling of the learning rate, and log the images per update."""
    batch_size = cfg.train_dataloader.get('batch_size')
    batches = int(cfg.optim_wrapper.get('accumulative_counts') or 1)
    if (getattr(runner, 'auto_scale_lr', None) or {}).get('enable'):
        # mmengine compares the base with batch size x processes. Only here, not in the config: that is saved beside the
        # checkpoints, and a run of the saved one would divide again.
        base = runner.auto_scale_lr['base_batch_size'] / batches
        runner.auto_scale_lr = {**runner.auto_scale_lr, 'base_batch_size': base}
    if batch_size:
        runner.logger.info(
            f'{batch_size * runner.world_size * batches} images per update of the weights: {batch_size} a batch x '
            f'{runner.world_size} processes x {batches} batches'
        )
