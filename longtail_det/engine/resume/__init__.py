"""Runs that can be killed anywhere: exact resume, whole checkpoints, processes that end together."""

from .batches import make_resumable
from .checkpoint_files import find_checkpoints, find_newest_whole
from .errors import BadSampleError, RunStoppedError
from .finite import LossWatch
from .loops import ExactEpochLoop, ExactIterLoop
from .processes import StopRequest, die_with_parent
from .random_state import read_random_state, restore_random_state, seeded
from .work_dir_lock import WorkDirLock

__all__ = [
    'BadSampleError',
    'ExactEpochLoop',
    'ExactIterLoop',
    'LossWatch',
    'RunStoppedError',
    'StopRequest',
    'WorkDirLock',
    'die_with_parent',
    'find_checkpoints',
    'find_newest_whole',
    'make_resumable',
    'read_random_state',
    'restore_random_state',
    'seeded',
]
