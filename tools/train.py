"""Train a detector from a config.

Example:
    python tools/train.py configs/glyphs/CONFIG.py --work-dir work_dirs/mine --cfg-options train_cfg.max_iters=100

On several GPUs or processes use tools/dist_train.sh. A run that was stopped goes on with --resume. A mistake in the
command line or in the config is one line and exit code 2; LONGTAIL_DET_TRACEBACK=1 shows the traceback behind it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from _cli import OneLineParser, UserError, add_common_arguments, one_line_errors, setup_errors

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size over all processes'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without a value from the latest one in the work dir',
    )
    add_common_arguments(parser)
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    args = build_parser().parse_args(argv)
    with setup_errors() as progress:
        from _config import check_checkpoint, check_config, load_config

        check_config(args.config)
        if args.resume not in (None, 'auto'):
            check_checkpoint(args.resume)
        # torch takes seconds to import: a wrong path is reported before
        from _runner import StartHook, build_runner, prepare_processes, select_device

        device = select_device(args)
        cfg = load_config(args)
        _apply_training_options(cfg, args, device)
        prepare_processes(cfg, args, device)
        runner = build_runner(cfg)
        _warn_if_nothing_to_resume(cfg, runner)
        hook = StartHook(progress, loops=('train_loop', 'val_loop'), exact_checkpoint=args.resume is not None)
        runner.register_hook(hook, priority='HIGHEST')
        runner.train()
    return 0


def _apply_training_options(cfg: Config, args: argparse.Namespace, device: str) -> None:
    if args.amp:
        _enable_amp(cfg, device)
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise UserError(
                '--auto-scale-lr, but the config does not say for which batch size its learning rate was made; '
                'add auto_scale_lr=dict(base_batch_size=16)'
            )
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume


def _enable_amp(cfg: Config, device: str) -> None:
    if device == 'cpu':
        raise UserError('--amp needs a GPU, and this run is on the CPU; leave it out')
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UserError(f'--amp replaces optim_wrapper.type=OptimWrapper, but the config has {kind}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.loss_scale = 'dynamic'


def _warn_if_nothing_to_resume(cfg: Config, runner: Runner) -> None:
    from mmengine.runner import find_latest_checkpoint

    if cfg.get('resume') and cfg.get('load_from') is None and find_latest_checkpoint(runner.work_dir) is None:
        runner.logger.warning(f'--resume: no checkpoint in {runner.work_dir}, training starts from the beginning')


if __name__ == '__main__':
    sys.exit(main())
