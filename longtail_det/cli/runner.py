"""From a config to a running mmengine Runner: device, processes, and the checks that come before the first step."""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import mmengine.device.utils as mmengine_device
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook, LoggerHook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from longtail_det import compat
from longtail_det.calibration import Calibration
from longtail_det.engine.resume import die_with_parent

from .errors import Progress, UserError
from .model_checks import check_classes, check_weights

# Where each launcher says which process this is: rank, world size, rank on this machine.
_RANK_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
_STARTERS = {'pytorch': 'tools/dist_train.sh or tools/dist_test.sh', 'slurm': 'srun', 'mpi': 'mpirun'}


def select_device(args: argparse.Namespace) -> str:
    """Select the device before anything uses CUDA, and return its type.

    Raises:
        UserError: `--device cuda` without a usable GPU.
    """
    if args.deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # cuBLAS refuses to be deterministic without
    if args.device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
        mmengine_device.DEVICE = 'cpu'
    elif args.device == 'cuda' and not torch.cuda.is_available():
        raise UserError('--device cuda, but PyTorch sees no GPU here; check nvidia-smi, or use --device auto or cpu')
    return mmengine_device.get_device()


def prepare_processes(cfg: Config, args: argparse.Namespace, device: str) -> None:
    """Prepare a distributed run: check the GPUs, or connect the processes by gloo without any.

    mmengine by itself starts process groups on accelerators only; it takes over the group that it finds.

    Raises:
        UserError: not started by the launcher, or more processes on this machine than GPUs.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.launcher == 'none':
        return
    missing = [name for name in _RANK_VARIABLES[args.launcher] if name not in os.environ]
    if missing:
        starter = _STARTERS[args.launcher]
        raise UserError(f'--launcher {args.launcher}, but {missing[0]} is not set; start through {starter}')
    die_with_parent()
    rank, world_size, local_rank = (int(os.environ[name]) for name in _RANK_VARIABLES[args.launcher])
    if device == 'cuda' and local_rank >= torch.cuda.device_count():
        raise UserError(
            f'process {local_rank + 1} on this machine has no GPU: there are {torch.cuda.device_count()}; '
            'ask for fewer, or give --device cpu'
        )
    if device == 'cpu':
        _connect_by_gloo(cfg, args.launcher, rank, world_size, local_rank)


def _connect_by_gloo(cfg: Config, launcher: str, rank: int, world_size: int, local_rank: int) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_RANK=str(local_rank))
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = first_slurm_node() if launcher == 'slurm' else '127.0.0.1'
    timeout = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout', 1800)
    dist.init_process_group('gloo', timeout=timedelta(seconds=timeout))
    cfg.merge_from_dict({'env_cfg.dist_cfg.backend': 'gloo'})
    wrapper = {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    # mmengine's own default names a GPU for each process
    cfg.model_wrapper_cfg = {**wrapper, **(cfg.get('model_wrapper_cfg') or {}), 'device_ids': None}


def first_slurm_node() -> str:
    """Return the name of the first node of a Slurm job."""
    nodes = os.environ.get('SLURM_NODELIST', '')
    if os.environ.get('SLURM_NNODES', '1') == '1':
        return '127.0.0.1'
    try:
        listed = subprocess.run(['scontrol', 'show', 'hostnames', nodes], capture_output=True, text=True, check=True)
        return listed.stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise UserError(f'cannot find the first node of SLURM_NODELIST={nodes}; set MASTER_ADDR to its name') from None


def build_runner(cfg: Config) -> Runner:
    """Return the Runner that a config asks for; whatever it imports, checkpoints are loaded safely."""
    compat.install()
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    if not is_main_process():
        for hook in runner.hooks:
            if isinstance(hook, LoggerHook):
                # every rank of mmengine writes the numbers of a test into the same file, and two at once spoil it
                hook.after_test_epoch = lambda *_, **__: None
    return runner


class StartHook(Hook):
    """A hook that checks what was built and loaded, and marks when a run starts.

    Args:
        progress: its `started` is set when the first batch has been loaded.
        loops: names of the Runner's loops that this run uses, for example `train_loop`.
        allow_partial: test a checkpoint that fits the model only in part.
    """

    def __init__(self, progress: Progress, loops: Sequence[str], allow_partial: bool = False) -> None:
        self.progress = progress
        self.loops = loops
        self.allow_partial = allow_partial

    def before_run(self, runner: Runner) -> None:
        """Compare the classes of each dataset with the heads."""
        for name in self.loops:
            loop = getattr(runner, name)
            if loop is not None:
                check_classes(_unwrap(runner.model), loop.dataloader.dataset, name.removesuffix('_loop'))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the checkpoint with the model.

        A weight that is missing, left over or of another shape, which mmengine skips with a warning, is an error where
        a run tests or resumes; fine-tuning and a second stage want it skipped, and say so in the log.
        """
        tests = 'train_loop' not in self.loops
        exact = runner._resume or (tests and not self.allow_partial)
        hint = '; --allow-partial tests it all the same' if 'test_loop' in self.loops else ''
        fit = check_weights(_unwrap(runner.model), checkpoint, exact=exact, hint=hint)
        left_out = f'; not in the config: {", ".join(fit.left_out)}' if fit.left_out else ''
        level = logging.INFO if fit.is_whole else logging.WARNING
        runner.logger.log(level, f'checkpoint: {fit}{left_out}')

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """Mark the run as started."""
        self.progress.started = True

    before_val_iter = before_test_iter = before_train_iter

    def before_test(self, runner: Runner) -> None:
        """Ask every calibration whether it knows the training set."""
        for module in _unwrap(runner.model).modules():
            if isinstance(module, Calibration):
                module.require_table()


def _unwrap(model: Any) -> torch.nn.Module:
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model
