"""A training dataloader that can start at any batch: the batches before are counted, not loaded.

The random numbers of a batch depend on the seed, the rank and the place of the batch alone. So no state of a loader
worker has to be saved, and neither the number of workers nor how far they load ahead changes a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from .errors import BadSampleError, RunStoppedError
from .processes import guard_worker
from .random_state import seeded

# how torch names the exception of a worker, at the end of its traceback
_RAISED = f'{BadSampleError.__module__}.{BadSampleError.__qualname__}: '
_LOST_WORKER = re.compile(r'DataLoader (?:worker \(pid\S* ([\d, ]+)\)|timed out)')


class Batch(list):
    """The indices of a batch, and its place: (pass over the data, number in the pass)."""

    place: tuple[int, int]


class ResumableBatches(Sampler):
    """A batch sampler that can leave out the first batches of a pass, and tells each batch its place.

    Args:
        batch_sampler: the one to wrap; it makes the indices of what is left out, which costs no image.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.inner = batch_sampler
        self.sampler = batch_sampler.sampler
        self.batch_size = batch_sampler.batch_size
        self.drop_last = getattr(batch_sampler, 'drop_last', False)
        self._begun: tuple[int, int, Iterator[list[int]]] | None = None
        #: batches that were handed out and have not come back yet, by place
        self.awaited: dict[tuple[int, int], Batch] = {}

    def start_at(self, number: int, first: int) -> int:
        """Let the next iteration be pass `number` from batch `first` on.

        Returns:
            How many of the `first` batches lie behind the end of this pass.
        """
        batches = iter(self.inner)
        taken = sum(1 for _ in islice(batches, first))
        self._begun, self.awaited = (number, taken, batches), {}
        return first - taken

    def __iter__(self) -> Iterator[Batch]:
        (number, first, batches), self._begun = self._begun or (0, 0, iter(self.inner)), None
        for count, indices in enumerate(batches, first):
            batch = Batch(indices)
            batch.place = (number, count)
            self.awaited[batch.place] = batch
            yield batch

    def __len__(self) -> int:
        return len(self.inner)


class SeededItems:
    """Load the items of a batch; a DataLoader calls it as `dataset.__getitems__`.

    Args:
        dataset: of the loader.
        seed: of the run.
        rank: of this process.

    Raises:
        BadSampleError: an item cannot be loaded; names its file.
    """

    def __init__(self, dataset: Any, seed: int, rank: int) -> None:
        self.dataset, self.seed, self.rank = dataset, seed, rank

    def __call__(self, batch: list[int]) -> list[Any]:
        """Return the items of a batch."""
        if not isinstance(batch, Batch):  # of another loader over the same dataset
            return [self._load(index) for index in batch]
        with seeded((self.seed, self.rank, *batch.place)):
            return [self._load(index) for index in batch]

    def _load(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            raise BadSampleError(_describe(error, _file_of(self.dataset, index))) from error


def make_resumable(
    loader: DataLoader[Any], seed: int, rank: int, timeout: float, sampler_seed: int | None = None
) -> None:
    """Make a training dataloader resumable, in place; a second call changes nothing but the seeds.

    Args:
        loader: over a dataset with indices.
        seed: of the random numbers in the pipeline.
        rank: of this process.
        timeout: seconds after which a worker that says nothing ends the run.
        sampler_seed: of the run that is resumed; None keeps that of the sampler.
    """
    loader.dataset.__getitems__ = SeededItems(loader.dataset, seed, rank)  # type: ignore[attr-defined]
    # a draw for the seeds of workers, which the batches do not use, would shift the random numbers of the model
    loader.generator = torch.Generator().manual_seed(seed)
    # workers of before know nothing of this
    loader._iterator = None
    if not isinstance(loader.batch_sampler, ResumableBatches):
        # DataLoader refuses a new sampler, for its iterators would not see it; there are none
        object.__setattr__(loader, 'batch_sampler', ResumableBatches(loader.batch_sampler))
        if loader.num_workers:
            loader.timeout = loader.timeout or timeout
            loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
    _rewind(loader.batch_sampler.inner, sampler_seed)  # type: ignore[union-attr]


def iterate(loader: DataLoader[Any], number: int) -> Iterator[tuple[int, Any]]:
    """Return the batches of a pass over a resumable loader, each with its number in the pass.

    Args:
        loader: as `make_resumable` left it; its `batch_sampler.start_at` says where.
        number: of the pass.
    """
    batches: Any = loader.batch_sampler
    if batches._begun is None:
        batches.start_at(number, 0)
    first = batches._begun[1]
    batches.iterator = iterator = iter(loader)
    for count, data in enumerate(iterator, first):
        batches.awaited.pop((number, count), None)
        yield count, data


@contextmanager
def loader_errors(loader: DataLoader[Any]) -> Iterator[None]:
    """Raise what goes wrong with the workers of a resumable `loader` in one line that names the file; end them.

    Raises:
        BadSampleError: an image or its annotations cannot be loaded.
        RunStoppedError: a worker was killed, or says nothing.
    """
    try:
        yield
    except BadSampleError as error:
        raise BadSampleError(str(error).strip().splitlines()[-1].removeprefix(_RAISED)) from error
    except RuntimeError as error:
        found = _LOST_WORKER.match(str(error))
        if found is None:
            raise
        files = ', '.join(_awaited_files(loader, found[1]))
        where = f'; it was loading {files}' if files else ''
        raise RunStoppedError(
            f'{" ".join(str(error).split())}{where}; a killed worker often means no memory'
        ) from error
    finally:
        _end_workers(loader)


def _end_workers(loader: DataLoader[Any]) -> None:
    """End the workers whatever they do: one that stands still would keep this process from ending."""
    iterator: Any = getattr(loader.batch_sampler, 'iterator', None)
    if hasattr(iterator, '_shutdown_workers'):
        iterator._shutdown_workers()
        for worker in iterator._workers:
            worker.kill()


def _awaited_files(loader: DataLoader[Any], pids: str | None) -> list[str]:
    """Return the files of the batch that a lost worker had to load; where none is known to be lost, of the next one."""
    batches: Any = loader.batch_sampler
    workers = [worker.pid for worker in getattr(getattr(batches, 'iterator', None), '_workers', ())]
    if pids is not None:
        lost = {workers.index(int(pid)) for pid in pids.split(',') if int(pid) in workers}
        first = min((count for _, count in batches.awaited), default=0)
        # batches go round the workers
        offset = getattr(batches.iterator, '_rcvd_idx', 0) if lost else 0
        awaited = [b for (_, count), b in batches.awaited.items() if (count - first + offset) % len(workers) in lost]
    else:
        awaited = list(batches.awaited.values())
    return [_file_of(loader.dataset, index) for index in (awaited[0] if awaited else [])]


def set_epoch(loader: DataLoader[Any], epoch: int) -> None:
    """Tell the sampler of a resumable `loader` the `epoch`, where it wants to know."""
    sampler = loader.batch_sampler.sampler  # type: ignore[union-attr]
    if hasattr(sampler, 'set_epoch'):
        sampler.set_epoch(epoch)


def _rewind(batch_sampler: Any, seed: int | None) -> None:
    """Let samplers begin anew: mmengine's loop has begun to iterate when it is built."""
    sampler = batch_sampler.sampler
    if seed is not None and hasattr(sampler, 'seed'):
        sampler.seed = seed
    if hasattr(sampler, '_indices_of_rank'):  # mmengine's InfiniteSampler keeps one generator for all iterations
        sampler.indices = sampler._indices_of_rank()
    buckets = getattr(batch_sampler, '_aspect_ratio_buckets', None)  # mmdet's AspectRatioBatchSampler
    if isinstance(buckets, list):
        batch_sampler._aspect_ratio_buckets = [[] for _ in buckets]


def _start_worker(init: Callable[[int], None] | None, worker: int) -> None:
    guard_worker()
    if init is not None:
        init(worker)


def _describe(error: Exception, file: str) -> str:
    reason = ' '.join(str(error).split())
    kind = '' if isinstance(error, ValueError | AssertionError | OSError) and reason else f'{type(error).__name__}: '
    return f'{kind}{reason}' if file in reason else f'{file}: {kind}{reason}'


def _file_of(dataset: Any, index: int) -> str:
    try:
        return str(dataset.get_data_info(index)['img_path'])
    except Exception:  # whatever a dataset does, the first error is the one to report
        return f'item {index} of {type(dataset).__name__}'
