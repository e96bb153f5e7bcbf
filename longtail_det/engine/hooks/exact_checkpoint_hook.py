"""Checkpoints that a run goes on from as if it had never stopped."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.runner import BaseLoop

from longtail_det.checks import number

from ..resume.atomic_checkpoints import AtomicCheckpoints
from ..resume.batches import make_resumable
from ..resume.loops import ExactEpochLoop, replace_loop
from ..resume.processes import StopRequest
from ..resume.random_state import read_random_state, restore_random_state
from ..resume.rank_state import STATE_KEY, read_rank_state, restore_rank_state
from ..resume.resumption import Resumption, plan_resumption
from ..resume.together import on_main
from ..resume.work_dir_lock import WorkDirLock
from ..resume.work_dir_start import choose_start
from .statistics_sync_hook import unwrapped

_CHECK_EVERY = 50  # steps between two looks at the losses, for which the host waits for the device
_AGREE_EVERY = 5  # steps between two questions to the other ranks whether one was told to stop


@HOOKS.register_module()
class ExactCheckpointHook(AtomicCheckpoints):
    """mmengine's CheckpointHook, with an exact resume and files that are whole or not there (docs/resume.md).

    In a config: `default_hooks=dict(checkpoint=dict(type='ExactCheckpointHook', ...))`; `longtail-det train` puts it in
    the place of `CheckpointHook` by itself.

    - A run that resumes, by epochs or iterations, ends with the weights of one that never stopped.
    - A checkpoint is written under another name, flushed and renamed; then the oldest goes. None is written after a
      loss or with a weight that is not finite.
    - A resume takes the newest whole checkpoint. A run that does not resume refuses a folder that holds checkpoints.
    - SIGTERM and SIGHUP save a checkpoint and end the process with 128 + the number of the signal.

    Args:
        from_scratch: start over in a folder that holds checkpoints; they are moved into a folder inside it.
        timeout: seconds after which a loader worker that says nothing ends the run.
        options: those of CheckpointHook.

    Raises:
        ValueError: nothing to resume from that is whole, checkpoints in the way, or another run in the work dir.
        RunStoppedError: a loss or a weight is not finite, or a checkpoint cannot be written.
    """

    def __init__(self, *, from_scratch: bool = False, timeout: float = 600, **options: Any) -> None:
        super().__init__(**options)
        self.from_scratch, self.timeout = from_scratch, number('timeout', timeout, above=0)
        self._lock: WorkDirLock | None = None
        self._stop, self._resumption = StopRequest(), Resumption()
        self._place, self._seed = (0, 0), 0
        self._random_before_val: dict[str, Any] | None = None

    def before_run(self, runner: Any) -> None:
        """Take the work dir, choose the checkpoint, and make the loop resumable."""
        if not isinstance(runner._train_loop, BaseLoop):
            return  # a test
        folder = self.folder(runner)
        if folder is not None:
            start = on_main(partial(self._take_folder, folder, runner._load_from, runner._resume))
            runner._load_from, runner._resume = start
        loop = replace_loop(runner._train_loop, partial(self._restore, runner))
        if loop is None:
            kind = type(runner._train_loop).__name__
            runner.logger.warning(f'{kind} is no loop of mmengine: where its data goes on after a resume is up to it')
            return
        runner._train_loop = loop
        self._seed = runner.seed
        make_resumable(loop.dataloader, self._seed, runner.rank, self.timeout)

    def _take_folder(self, folder: Path, load_from: str | None, resume: bool) -> tuple[str | None, bool]:
        self._lock = WorkDirLock(folder)
        return choose_start(folder, self.filename_tmpl, load_from, resume, self.from_scratch)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Read where the run stopped."""
        state = checkpoint.pop(STATE_KEY, None)
        loop = runner._train_loop
        if not (runner._resume and isinstance(loop, BaseLoop)):
            return
        plan = plan_resumption(checkpoint, state, runner._load_from, _images_per_step(runner))
        runner.logger.info(plan.description)
        self._resumption = plan
        if not hasattr(loop, 'restore'):
            return
        loop.first = plan.place[1] if isinstance(loop, ExactEpochLoop) else plan.batches
        if plan.seed is not None:
            self._seed = plan.seed
            make_resumable(loop.dataloader, plan.seed, runner.rank, self.timeout, plan.sampler_seed)

    def _restore(self, runner: Any) -> None:
        plan, self._resumption = self._resumption, Resumption()
        if plan.state is not None:
            restore_rank_state(unwrapped(runner.model), plan.state)

    def before_train(self, runner: Any) -> None:
        """Find the files of the run where its folder is now, and listen for signals."""
        super().before_train(runner)
        if not hasattr(runner._train_loop, 'restore'):
            self._restore(runner)
        self._stop.listen()

    def read_state(self, runner: Any, step: int) -> dict[str, Any]:
        """Return the random numbers, the place in the data and the buffers of this rank."""
        seeds = self._seed, getattr(runner.train_dataloader.batch_sampler.sampler, 'seed', None)
        return read_rank_state(unwrapped(runner.model), self._place, _images_per_step(runner), *seeds, step)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Look at the losses, save where it is due, and stop where a signal asked for it."""
        self.losses.observe(outputs)
        self._place = (runner.epoch, batch_idx + 1)
        step = runner.iter + 1
        if step % _CHECK_EVERY == 0:
            self.losses.check(step)
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        number = self._stop.number
        if runner.world_size > 1:
            number = self._agree(number) if step % _AGREE_EVERY == 0 else 0
        if number:
            self._save_and_stop(runner, step, number)

    @staticmethod
    def _agree(number: int) -> int:
        flag = torch.tensor(number)
        all_reduce(flag, 'max')
        return int(flag)

    def after_train_epoch(self, runner: Any) -> None:
        """Save where it is due."""
        self._place = (runner.epoch + 1, 0)
        super().after_train_epoch(runner)

    def before_val(self, runner: Any) -> None:
        """Set the random numbers of the training aside."""
        self._random_before_val = read_random_state()

    def after_val_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        """Stop where a signal asked for it."""
        if self._stop.number:
            self._save_and_stop(runner, runner.iter, self._stop.number)

    def after_val(self, runner: Any) -> None:
        """Go on with the random numbers of the training, so that a run without this validation has the same."""
        if self._random_before_val is not None:
            restore_random_state(self._random_before_val)

    def _save_and_stop(self, runner: Any, step: int, number: int) -> None:
        if self.saved_step != step:
            self.save_now(runner, step)
        name = signal.Signals(number).name
        runner.logger.warning(f'{name}: stopped at step {step}, which {self.last_ckpt} holds; --resume goes on from it')
        self.close()
        raise SystemExit(128 + number)

    def after_train(self, runner: Any) -> None:
        """Publish what is asked for, and give the work dir back."""
        super().after_train(runner)
        self.close()

    def close(self) -> None:
        """Give the work dir and the signals back."""
        self._stop.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _images_per_step(runner: Any) -> int:
    return int(getattr(runner.train_dataloader.batch_sampler, 'batch_size', 0) * runner.world_size)
