"""What the record of a run says of code, packages and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from longtail_det.compat import installed_versions
from longtail_det.reports.study import Study
from longtail_det.version import __version__


def study_facts(study: Study, jobs: int) -> dict[str, Any]:
    """Return `commit`, `versions`, `device` and `cpu` of the runs that start here now.

    Args:
        study: the study.
        jobs: runs at a time.
    """
    threads = f', OMP_NUM_THREADS={study.threads}' if study.threads else f', shared by {jobs}'
    return {
        'commit': commit_of(Path(__file__).parents[2]),
        'versions': {name: version for name, version in installed_versions().items() if version},
        'device': study.device,
        'cpu': f'{usable_cores()} cores, {platform.machine()}{threads}{_gpu(study.device)}',
    }


def _gpu(device: str) -> str:
    """Return ', 1 x NAME' of the GPUs that the runs use; nothing on a CPU."""
    if device == 'cpu':
        return ''
    import torch

    count = torch.cuda.device_count()
    return f', {count} x {torch.cuda.get_device_name()}' if count else ''


def usable_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def commit_of(folder: Path) -> str:
    """Return the commit of a checkout, with '+changes' where package or configs differ from it; else the version.

    Args:
        folder: of the checkout.
    """
    # an installed package may lie inside somebody else's checkout
    if (folder / '.git').exists():
        try:
            head = _git(folder, 'rev-parse', 'HEAD')
            changes = _git(folder, 'status', '--porcelain', '--untracked-files=no', '--', 'longtail_det', 'configs')
        except (OSError, subprocess.CalledProcessError):
            pass
        else:
            return f'{head}+changes' if changes else head
    return f'longtail_det {__version__}'


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(['git', '-C', str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
