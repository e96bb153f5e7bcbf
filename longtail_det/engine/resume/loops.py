"""mmengine's two training loops, resumed at any batch without loading what was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop

from .batches import iterate, loader_errors, set_epoch


class ExactEpochLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs; a resumed one may start in the middle of an epoch.

    Args:
        loop: built by mmengine; its place is taken.
        restore: called once, when all is as it was when the run was saved except what a rank keeps to itself.
    """

    def __init__(self, loop: EpochBasedTrainLoop, restore: Callable[[], None]) -> None:
        self.__dict__.update(loop.__dict__)
        self.restore = restore
        #: batches of the first epoch that a run before this one trained on
        self.first = 0

    def run(self) -> Any:
        """Train."""
        with loader_errors(self.dataloader):
            return super().run()

    def run_epoch(self) -> None:
        """Train for one epoch, or for the rest of it."""
        first, self.first = self.first, 0
        if not first:
            self.restore()  # hooks may draw random numbers when an epoch begins
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        self.dataloader.batch_sampler.start_at(self._epoch, first)
        self.restore()
        for number, batch in iterate(self.dataloader, self._epoch):
            self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


class ExactIterLoop(IterBasedTrainLoop):
    """mmengine's loop over iterations; a resumed one counts the batches before instead of loading them.

    Args:
        loop: built by mmengine; its place is taken.
        restore: called once, when all is as it was when the run was saved except what a rank keeps to itself.
    """

    def __init__(self, loop: IterBasedTrainLoop, restore: Callable[[], None]) -> None:
        self.__dict__.update(loop.__dict__)
        self.dataloader_iterator: Iterator[Any] = iter(())  # the workers that mmengine has started end here
        self.restore = restore
        #: batches that a run before this one trained on
        self.first = 0

    def run(self) -> Any:
        """Train."""
        with loader_errors(self.dataloader):
            self.runner.call_hook('before_train')
            self.restore()
            self.runner.call_hook('before_train_epoch')
            if self._iter < self._max_iters:
                self.dataloader_iterator = self._endless(self.first)
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(self.dataloader_iterator))
                self._decide_current_val_interval()
                due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
                if self.runner.val_loop is not None and self._iter >= self.val_begin and due:
                    self.runner.val_loop.run()
            self.runner.call_hook('after_train_epoch')
            self.runner.call_hook('after_train')
            return self.runner.model

    def _endless(self, first: int) -> Iterator[Any]:
        number = 0
        while True:
            if number:
                set_epoch(self.dataloader, number)
            if rest := self.dataloader.batch_sampler.start_at(number, first):
                if rest == first:
                    raise ValueError(f'{type(self.dataloader.batch_sampler.inner).__name__} gives no batch')
            else:
                for _, batch in iterate(self.dataloader, number):
                    yield batch
            number, first = number + 1, rest


def replace_loop(loop: BaseLoop, restore: Callable[[], None]) -> ExactEpochLoop | ExactIterLoop | None:
    """Return the resumable loop for one of mmengine's, and None for one of another kind.

    Args:
        loop: of the runner.
        restore: as the loops take it.
    """
    if type(loop) is EpochBasedTrainLoop:
        return ExactEpochLoop(loop, restore)
    if type(loop) is IterBasedTrainLoop:
        return ExactIterLoop(loop, restore)
    return None
