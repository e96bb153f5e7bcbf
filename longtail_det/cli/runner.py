"""From a config to a running mmengine Runner: device, processes, and the checks that come before the first step."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import mmengine.device.utils as mmengine_device
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import DATASETS, EVALUATOR, RUNNERS, init_default_scope
from mmengine.runner import Runner

from longtail_det import compat
from longtail_det.calibration import Calibration
from longtail_det.engine.resume import die_with_parent
from longtail_det.evaluation.predicted_images import read_predicted_images

from .errors import Progress, UserError

# Where each launcher says which process this is: rank, world size, rank on this machine.
_RANK_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
_OFFLINE_IMAGES = 64  # handed to the metrics at a time
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
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def evaluate_again(cfg: Config, results: str, out: str | None = None) -> dict[str, float]:
    """Score predictions of an earlier test, and leave the metrics in the work dir as a test does.

    Args:
        cfg: config with the dataset and the evaluator.
        results: the pickle of tools/test.py --out.
        out: also write the predictions to this file, to change its format.

    Raises:
        UserError: `results` is of another dataset, or no pickle of predictions.
    """
    from .predictions import prediction_writer

    stamp = time.strftime('%Y%m%d_%H%M%S')
    folder = Path(cfg.work_dir) / stamp
    folder.mkdir(parents=True, exist_ok=True)
    logger = MMLogger.get_instance(f'test_{stamp}', log_file=str(folder / f'{stamp}.log'))
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    predictions = read_predicted_images(results)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if len(predictions) != len(dataset):
        raise UserError(f'{results} holds {len(predictions)} images, the test set of the config {len(dataset)}')
    wanted = cfg.test_evaluator
    in_full = isinstance(wanted, dict) and 'metrics' in wanted
    evaluator = EVALUATOR.build(wanted if in_full else {'type': 'Evaluator', 'metrics': wanted})
    if out:
        evaluator.metrics.append(prediction_writer(out, dataset))
    evaluator.dataset_meta = dataset.metainfo
    metrics = evaluator.offline_evaluate(predictions, chunk_size=_OFFLINE_IMAGES)
    (folder / f'{stamp}.json').write_text(json.dumps(metrics))
    logger.info(f'{len(predictions)} images of {results} measured; metrics in {folder / f"{stamp}.json"}')
    return metrics


class StartHook(Hook):
    """A hook that checks what was built and loaded, and marks when a run starts.

    Args:
        progress: its `started` is set when the first batch has been loaded.
        loops: names of the Runner's loops that this run uses, for example `train_loop`.
    """

    def __init__(self, progress: Progress, loops: Sequence[str]) -> None:
        self.progress = progress
        self.loops = loops

    def before_run(self, runner: Runner) -> None:
        """Compare the classes of each dataset with the heads."""
        for name in self.loops:
            loop = getattr(runner, name)
            if loop is not None:
                check_classes(_unwrap(runner.model), loop.dataloader.dataset, name.removesuffix('_loop'))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the checkpoint with the model.

        A parameter of another shape, which mmengine skips with a warning, is an error where a run tests or resumes;
        fine-tuning and a second stage want it skipped.
        """
        exact = runner._resume or 'train_loop' not in self.loops
        check_parameters(_unwrap(runner.model), checkpoint.get('state_dict', checkpoint), exact)

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


def check_classes(model: torch.nn.Module, dataset: Any, split: str) -> None:
    """Compare the number of classes of the heads with that of a dataset.

    Raises:
        UserError: they differ; names the keys to change. RPN and semantic heads count otherwise and are left out.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        return
    if isinstance(classes, str):
        raise UserError(f"metainfo classes of the {split} dataset is the text {classes!r}; write ('{classes}',)")
    wrong = {
        f'model.{name}.num_classes': module.num_classes
        for name, module in model.named_modules()
        if '_head' in name
        and not ('rpn_head' in name or 'semantic' in name)
        and isinstance(getattr(module, 'num_classes', None), int)
        and module.num_classes != len(classes)
    }
    if wrong:
        found = ', '.join(f'{key}={value}' for key, value in wrong.items())
        raise UserError(
            f'the {split} dataset has {len(classes)} classes, but {found}; '
            f'set num_classes={len(classes)} there, or give the dataset the classes that the model was made for'
        )


def check_parameters(model: torch.nn.Module, loaded: dict[str, Any], exact: bool) -> None:
    """Compare the parameters of a checkpoint with those of the model.

    Raises:
        UserError: not one name in common, or, where `exact`, a different shape.
    """
    wanted = model.state_dict()
    found = {name.removeprefix('module.'): value for name, value in loaded.items()}
    common = wanted.keys() & found.keys()
    if wanted and not common:
        raise UserError(
            f'the checkpoint is not of this model: it holds {next(iter(found), "nothing")!r} and the like, '
            f'the model wants {next(iter(wanted))!r} and the like'
        )
    # parameters only: a feature bank takes its size when it is loaded
    for name, _ in model.named_parameters() if exact else ():
        if name in common and found[name].shape != wanted[name].shape:
            raise UserError(
                f'the checkpoint is of another variant of this model: {name} has shape {tuple(found[name].shape)} '
                f'in the checkpoint and {tuple(wanted[name].shape)} in the config (other num_classes?)'
            )
