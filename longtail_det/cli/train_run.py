"""The run of `train`: exact checkpoints whatever the config says, and one line where it cannot go on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.runner import Runner

from longtail_det.engine import ExactCheckpointHook
from longtail_det.engine.resume import BadSampleError, RunStoppedError

from .errors import RunError, UserError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE}
# what gloo says when another process is gone or stands still
_LOST_PROCESS = (
    'Connection closed by peer',
    'Connection reset by peer',
    'Timed out waiting',
    'timed out',
    'Broken pipe',
)
_OF_MMENGINE = ('CheckpointHook', 'mmengine.CheckpointHook')


def use_exact_checkpoints(cfg: Config) -> None:
    """Put `ExactCheckpointHook` in the place of mmengine's CheckpointHook, which is there by default."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint', {})
    if hook is not None and hook.get('type', 'CheckpointHook') in _OF_MMENGINE:
        cfg.merge_from_dict({'default_hooks.checkpoint.type': 'mmdet.ExactCheckpointHook'})


@contextmanager
def exact_checkpoints(runner: Runner, from_scratch: bool, timeout: float) -> Iterator[None]:
    """Hand the options of the command to the checkpoint hook of a runner, and give the work dir back at the end.

    Args:
        runner: before `train`.
        from_scratch: as --from-scratch; not in the config, whose copy in the work dir would start over again.
        timeout: as --timeout, in seconds.
    """
    hooks: list[Any] = [hook for hook in runner.hooks if isinstance(hook, ExactCheckpointHook)]
    for hook in hooks:
        hook.from_scratch, hook.timeout = from_scratch or hook.from_scratch, timeout
    try:
        yield
    finally:
        for hook in hooks:
            hook.close()


def train(runner: Runner) -> None:
    """Train, and say in one line what ended the run where it is no bug.

    Raises:
        UserError: an image or its annotations cannot be loaded.
        RunError: a loss is not finite, the disk is full, a process or a loader worker is gone or stands still.
    """
    try:
        runner.train()
    except BadSampleError as error:
        raise UserError(str(error)) from error
    except RunStoppedError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise RunError(f'{error.filename or "the work dir"}: {error.strerror}; go on with --resume') from error
    except RuntimeError as error:
        if not _is_lost_process(error):
            raise
        reason = ' '.join(str(error).split('. This may indicate')[0].split())[:200]
        raise RunError(
            f'process {get_rank()} waits for another that is gone or stands still ({reason}); the output of the '
            'others may say why; go on with --resume'
        ) from error


def _is_lost_process(error: RuntimeError) -> bool:
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return False
    return isinstance(error, dist.DistError) or any(text in str(error) for text in _LOST_PROCESS)
