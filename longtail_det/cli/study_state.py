"""What a run leaves in its folder: the cost of each step, the record when it is done, the failure when it is not."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from longtail_det.files import replacing
from longtail_det.reports.study import RECORD, Run

_FAILURE = 'failed.json'


def is_done(folder: Path) -> bool:
    """Return whether a run is finished.

    Args:
        folder: of the run.
    """
    return (folder / RECORD).is_file()


def record_step(run: Run, step: str, used: dict[str, Any]) -> None:
    """Mark a step of a run as done, so that it is not done again when a later one is interrupted.

    Args:
        run: of a study.
        step: its name.
        used: its cost.
    """
    _write(run.folder / f'{step}.json', used)


def step_cost(run: Run, step: str) -> dict[str, Any] | None:
    """Return the cost of a step of a run; None where it is not done.

    Args:
        run: of a study.
        step: its name.
    """
    try:
        return dict(json.loads((run.folder / f'{step}.json').read_text()))
    except (OSError, ValueError):
        return None


def record_success(run: Run, facts: dict[str, Any]) -> None:
    """Mark a run as done.

    Args:
        run: of a study.
        facts: code, packages, machine, cost and checkpoint.
    """
    record = {
        'config': run.config,
        'name': run.name,
        'seed': run.seed,
        'first_stage': run.first_stage or None,
        'of': run.of or None,
        'options': list(run.options),
        **facts,
        'finished': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
    }
    _write(run.folder / RECORD, record)
    (run.folder / _FAILURE).unlink(missing_ok=True)


def record_failure(run: Run, step: str, code: int) -> None:
    """Write down that a run failed; the next worker that starts tries it again.

    Args:
        run: of a study.
        step: its name; the output is in `<step>.out`.
        code: exit code of the process, negative for a signal.
    """
    log = str(run.folder / f'{step}.out')
    _write(run.folder / _FAILURE, {'step': step, 'code': code, 'log': log, 'host': socket.gethostname()})


def failure_time(run: Run) -> float:
    """Return when a run failed last, in seconds since 1970; 0 where it did not.

    Args:
        run: of a study.
    """
    try:
        return (run.folder / _FAILURE).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def failure_of(run: Run) -> dict[str, Any]:
    """Return what is known of the failure of a run: `step`, `code`, `log`, `host`; empty where it did not fail.

    Args:
        run: of a study.
    """
    try:
        return dict(json.loads((run.folder / _FAILURE).read_text()))
    except (OSError, ValueError):
        return {}


def _write(path: Path, values: dict[str, Any]) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1) + '\n')
