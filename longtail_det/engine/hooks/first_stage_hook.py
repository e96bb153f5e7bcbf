"""Starts a second stage from the last checkpoint of the first, found by the name of its config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from ..resume import find_newest_whole
from .name_patterns import select_names
from .statistics_sync_hook import unwrapped


@HOOKS.register_module()
class FirstStageHook(Hook):
    """Load the weights of the first stage before training, in place of `load_from`.

    A `load_from` of the config wins, and a run that resumes goes on from its own checkpoint. A parameter of another
    shape than in the checkpoint stays as it was initialized, as with `load_from`; mmengine logs it.

    Args:
        first_stage: name of the first stage's config, whose folder is looked for beside that of the run
            (work_dirs/<name>); or a folder; or a checkpoint file or URL.
        fresh: names or shell patterns of modules or parameters that are not loaded, as in `FreezeHook`: a classifier
            that starts anew.

    Raises:
        FileNotFoundError: no such folder, file, or checkpoint in it.
        ValueError: a pattern of `fresh` that matches nothing.

    Example:
        In a config::

            custom_hooks = [dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1')]
    """

    # before hooks that read the weights
    priority = 'VERY_HIGH'

    def __init__(self, first_stage: str, fresh: Sequence[str] = ()) -> None:
        self.first_stage = first_stage
        self.fresh = fresh
        self._loading = False

    def before_run(self, runner: Any) -> None:
        """Choose the checkpoint, which the runner loads next."""
        trains = isinstance(runner._train_loop, BaseLoop)
        resumes = runner._resume and (runner._load_from or find_newest_whole(Path(runner.work_dir)).path)
        if not trains or resumes or runner._has_loaded:
            return
        runner._load_from = runner._load_from or find_first_stage(self.first_stage, Path(runner.work_dir).parent)
        runner._resume = False  # nothing to resume yet; it must not go on with the first stage's iterations
        self._loading = True

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Leave out what is to start anew."""
        if not self._loading:
            return
        self._loading = False
        if self.fresh:
            model = unwrapped(runner.model)
            names = [name for name, _ in (*model.named_modules(), *model.named_parameters(), *model.named_buffers())]
            weights = checkpoint.get('state_dict', checkpoint)
            for name in select_names(self.fresh, names, 'fresh'):
                weights.pop(name, None)


def find_first_stage(first_stage: str, work_dirs: Path) -> str:
    """Find the checkpoint of a first stage.

    Args:
        first_stage: name of its config, its folder, or a checkpoint file or URL.
        work_dirs: where the folders of runs are.

    Returns:
        Path or URL of a checkpoint: of a folder the last one saved.

    Raises:
        FileNotFoundError: there is none.
    """
    if '://' in first_stage or Path(first_stage).is_file():
        return first_stage
    folder = Path(first_stage) if Path(first_stage).is_dir() else work_dirs / first_stage
    last = find_newest_whole(folder).path
    if last is not None:
        return str(last)
    state = 'holds no finished checkpoint' if folder.is_dir() else 'does not exist'
    raise FileNotFoundError(
        f'this config goes on from the first stage {first_stage}, but {folder} {state}; train that config first '
        '(longtail-det train), or name its folder or a checkpoint with --first-stage'
    )
