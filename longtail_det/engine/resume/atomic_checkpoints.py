"""mmengine's CheckpointHook with files that are whole or not there, on all ranks."""

from __future__ import annotations

import io
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper

from .atomic_backend import ATOMIC
from .checkpoint_files import rank_file, remove_checkpoint, write_pointer
from .finite import LossWatch
from .rank_state import STATE_KEY
from .together import write_together


class AtomicCheckpoints(CheckpointHook):
    """Saves the state of every rank, then the checkpoint, then `last_checkpoint`, and only then removes the oldest.

    A kill between any two of these leaves the checkpoint before whole. None is saved after a loss, or with a weight,
    that is not finite.

    Args:
        options: those of CheckpointHook.

    Raises:
        RunStoppedError: a loss or a weight is not finite, or a file cannot be written; on every rank.
    """

    backend_args: dict[str, Any] | None
    best_ckpt_path: str | None
    best_ckpt_path_dict: dict[str, str | None]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.is_local = '://' not in str(self.out_dir)
        if self.is_local and self.file_client_args is None and self.backend_args is None:
            self.backend_args = {'backend': ATOMIC}
        self.losses = LossWatch()
        #: training step of the last checkpoint
        self.saved_step = -1
        self.last_ckpt: str | None = None
        self._kept: list[int] = []
        self._state: dict[str, Any] | None = None

    def folder(self, runner: Any) -> Path | None:
        """Return the folder of the checkpoints; None where it is on no local disk."""
        if self.out_dir in (None, runner.work_dir):
            return Path(runner.work_dir)
        return Path(self.out_dir, Path(runner.work_dir).name) if self.is_local else None

    def before_train(self, runner: Any) -> None:
        """Find the files of the run where its folder is now."""
        super().before_train(runner)
        self._kept = list(getattr(self, 'keep_ckpt_ids', ()))
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._moved(self.best_ckpt_path)
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {key: self._moved(path) for key, path in self.best_ckpt_path_dict.items()}

    def _moved(self, path: str | None) -> str | None:
        return path and self.file_backend.join_path(self.out_dir, Path(path).name)

    def read_state(self, runner: Any, step: int) -> dict[str, Any]:
        """Return what this rank saves beside the checkpoint of training step `step`."""
        raise NotImplementedError

    def save_now(self, runner: Any, step: int) -> None:
        """Save at training step `step`, which may be in the middle of an epoch; the next regular save removes it."""
        meta = {'epoch': runner.epoch, 'iter': step}
        if not self.by_epoch:
            self._save_checkpoint_with_step(runner, step, meta)
            return
        name = f'epoch_{runner.epoch}_iter_{step}.pth'
        runner.message_hub.update_info('stopped_ckpt', name)
        self._write(runner, name, meta)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        # what mmengine calls for a regular checkpoint, and again for one that turned out to be the best
        hub = runner.message_hub
        stopped = hub.get_info('stopped_ckpt', '')
        hub.update_info('stopped_ckpt', '')
        old: list[str] = [stopped] if stopped else []
        if self.max_keep_ckpts > 0:
            kept = [each for each in self._kept if each != step] + [step]
            # with the oldest: where the run is killed before it is removed, mmengine removes it after a resume
            hub.update_info('keep_ckpt_ids', kept)
            self._kept = kept[-self.max_keep_ckpts :]
            self.keep_ckpt_ids = deque(self._kept, self.max_keep_ckpts)
            old += [self.filename_tmpl.format(each) for each in kept[: -self.max_keep_ckpts]]
        self._write(runner, self.filename_tmpl.format(step), meta)
        if runner.rank == 0:
            for name in old:
                self._remove(self.file_backend.join_path(self.out_dir, name))

    def _write(self, runner: Any, name: str, meta: dict[str, Any]) -> None:
        step = meta['iter']
        self.losses.check(step, runner.model.module if is_model_wrapper(runner.model) else runner.model)
        path = self.file_backend.join_path(self.out_dir, name)
        self._state = self.read_state(runner, step)
        write_together(partial(self._write_state, runner.rank, path), path)
        save = partial(
            runner.save_checkpoint,
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        write_together(save, path)
        self._state, self.saved_step, self.last_ckpt = None, step, path
        runner.message_hub.update_info('last_ckpt', path)
        if runner.rank == 0:
            write_pointer(Path(runner.work_dir), path)

    def _write_state(self, rank: int, path: str) -> None:
        if rank:  # rank 0 has it in the checkpoint
            with io.BytesIO() as stream:
                torch.save(self._state, stream)
                self.file_backend.put(stream.getvalue(), rank_file(path, rank))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add the state of rank 0."""
        if self._state is not None:
            checkpoint[STATE_KEY] = self._state

    def _remove(self, path: str) -> None:
        if self.is_local:
            remove_checkpoint(Path(path))
        elif self.file_backend.isfile(path):
            self.file_backend.remove(path)
