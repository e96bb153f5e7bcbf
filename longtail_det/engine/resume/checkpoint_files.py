"""The checkpoints in a work dir: which is the newest whole one, and what to do with the others."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.logging import print_log

from longtail_det.files import replacing

POINTER = 'last_checkpoint'
_NAMES = r'(?:epoch_\d+(?:_iter_\d+)?|iter_\d+)\.pth'


@dataclass
class Choice:
    """The checkpoint to resume from.

    Args:
        path: the newest whole one, if there is any.
        skipped: newer ones that are not whole, and why.
    """

    path: Path | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def describe_skipped(self) -> str:
        """Return one line about what was skipped."""
        return '; '.join(f'{name}: {reason}' for name, reason in self.skipped.items())


def find_checkpoints(folder: Path, template: str = 'iter_{}.pth') -> list[Path]:
    """Return the checkpoints of a run, the newest first, by the numbers in their names.

    Args:
        folder: that of the run; best_*.pth and other weights in it do not count.
        template: the `filename_tmpl` of the run.
    """
    own = re.compile(re.escape(template).replace(r'\{\}', r'\d+'))
    names = re.compile(_NAMES)
    paths = [p for p in folder.glob('*.pth') if own.fullmatch(p.name) or names.fullmatch(p.name)]
    kind = template.split('{')[0]
    return sorted(paths, key=lambda path: (path.name.startswith(kind), _numbers(path)), reverse=True)


def find_newest_whole(folder: Path, template: str = 'iter_{}.pth') -> Choice:
    """Return the newest checkpoint whose bytes are those that were written.

    Neither `last_checkpoint` nor the date of a file is asked, so a folder may have been moved, and a run may have been
    killed at any moment.

    Args:
        folder: that of the run.
        template: the `filename_tmpl` of the run.
    """
    choice = Choice()
    for path in find_checkpoints(folder, template):
        damage = next(filter(None, map(find_damage, [path, *rank_files(path)])), '')
        if not damage:
            choice.path = path
            break
        choice.skipped[path.name] = damage
    return choice


def find_damage(path: Path) -> str:
    """Return what is wrong with the bytes of a file that `torch.save` wrote, by its checksums; '' for nothing.

    Args:
        path: of the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError):
        size = path.stat().st_size
        return f'{path.name} ({size} bytes) is cut short or garbled'
    except OSError as error:
        return f'{path.name} cannot be read ({error.strerror or error})'
    return f'a checksum in {path.name} is wrong ({broken})' if broken else ''


def rank_file(checkpoint: str, rank: int) -> str:
    """Return where the state of a `rank` other than 0 is, beside a `checkpoint`."""
    return f'{checkpoint}.rank{rank}'


def rank_files(checkpoint: Path) -> list[Path]:
    """Return the states of other ranks that are there beside a `checkpoint`."""
    return sorted(checkpoint.parent.glob(f'{checkpoint.name}.rank[0-9]*'))


def remove_checkpoint(checkpoint: Path) -> None:
    """Remove a `checkpoint` and what lies beside it, where they are there."""
    for path in (checkpoint, *rank_files(checkpoint)):
        path.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove from a `folder` what killed runs were writing; to be called under the lock of the folder."""
    for path in folder.glob('*.pth*.tmp'):
        path.unlink(missing_ok=True)


def set_aside(checkpoints: Iterable[Path]) -> Path | None:
    """Move checkpoints into a folder of their own, so that a run that starts over meets none of them.

    Args:
        checkpoints: all of one folder.

    Returns:
        The new folder; None where there was nothing to move.
    """
    target = None
    for checkpoint in checkpoints:
        if target is None:
            target = checkpoint.parent / f'replaced_{time.strftime("%Y%m%d_%H%M%S")}'
            target.mkdir(exist_ok=True)
        for path in (checkpoint, *rank_files(checkpoint)):
            path.rename(target / path.name)
    if target is not None:
        print_log(f'moved the checkpoints of an earlier run to {target}', logger='current')
    return target


def write_pointer(folder: Path, checkpoint: str) -> None:
    """Say in `last_checkpoint` of a `folder` which `checkpoint` is the last; by its name alone where it is in there."""
    inside = Path(checkpoint).parent == folder
    with replacing(folder / POINTER) as unfinished:
        unfinished.write_text(Path(checkpoint).name if inside else checkpoint)


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r'\d+', path.name)))
