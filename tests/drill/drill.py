"""A drill: a run is killed again and again, its files are damaged, and it has to end as the run that was left alone."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from longtail_det.compat.checkpoint import allow_mmengine_checkpoints
from longtail_det.engine.resume import find_newest_whole

from .segments import run

_MAX_EVENTS = 30  # to the next kill: one or two steps, each with a checkpoint


@dataclass
class Outcome:
    """What a drill saw.

    Args:
        kills: that ended a process.
        torn: files that were damaged between a kill and the next start.
        different: names of tensors of the last checkpoint that are not those of the run without kills.
    """

    kills: int = 0
    torn: int = 0
    different: tuple[str, ...] = ()


def drill(arguments: Sequence[str], folder: Path, *, kills: int, ranks: int = 1, tear: bool = True) -> Outcome:
    """Kill a run at random events, tear the newest checkpoint now and then, and compare its end.

    Args:
        arguments: of `train`, with a checkpoint after every step and at least two kept.
        folder: empty.
        kills: SIGKILLs at random events.
        ranks: processes; one of them is killed.
        tear: also damage files.

    Returns:
        What was seen.

    Raises:
        AssertionError: a start failed, or more was lost than the steps since the checkpoint before.
    """
    outcome, chance, log = Outcome(), random.Random(f'{arguments}{ranks}'), folder / 'log.txt'
    whole = [*arguments, '--work-dir', str(folder / 'whole')]
    assert run(whole, log, ranks=ranks) == [0] * ranks, log.read_text()[-2000:]
    killed = [*arguments, '--work-dir', str(folder / 'killed'), '--resume']
    before = 0
    while outcome.kills < kills:
        victim = chance.randrange(ranks)
        codes = run(killed, log, ranks=ranks, kill_at=chance.randint(1, _MAX_EVENTS), victim=victim)
        assert codes[victim] == -9, f'{codes}: ended before {kills} kills\n{log.read_text()[-2000:]}'
        assert all(code in (1, -9) for code in codes), f'{codes}\n{log.read_text()[-2000:]}'
        outcome.kills += 1
        after = newest_step(folder / 'killed')
        assert after >= before, f'a kill cost the checkpoint of step {before}; the newest whole one is of {after}'
        before = after
        if tear and chance.random() < 0.3 and tear_newest(folder / 'killed', chance):
            outcome.torn += 1
            before = newest_step(folder / 'killed')
            assert before, 'the checkpoint before a torn one is not whole'
    assert run(killed, log, ranks=ranks) == [0] * ranks, log.read_text()[-2000:]
    outcome.different = differences(folder / 'whole', folder / 'killed')
    shutil.rmtree(folder / 'killed')
    return outcome


def newest_step(work_dir: Path) -> int:
    """Return the step of the newest whole checkpoint; 0 where there is none."""
    path = find_newest_whole(work_dir).path
    # str: torch 2.1 maps the files of no other names
    return int(torch.load(str(path), map_location='cpu', mmap=True)['meta']['iter']) if path else 0


def tear_newest(work_dir: Path, chance: random.Random) -> bool:
    """Cut the newest of several checkpoints short, or flip one of its bits; return whether there were several."""
    allow_mmengine_checkpoints()
    paths = sorted(work_dir.glob('*.pth'), key=lambda path: path.stat().st_mtime_ns)
    if len(paths) < 2:
        return False
    content = bytearray(paths[-1].read_bytes())
    place = chance.randrange(len(content) // 2)  # the second half ends with names, some of which nobody reads
    if chance.random() < 0.5:
        content = content[:place]
    else:
        content[place] ^= 1 << chance.randrange(8)
    paths[-1].write_bytes(content)
    return True


def differences(one: Path, other: Path) -> tuple[str, ...]:
    """Return the names of weights, buffers and optimizer states that differ in one bit between two runs."""
    allow_mmengine_checkpoints()
    (name,) = {(work_dir / 'last_checkpoint').read_text() for work_dir in (one, other)}
    left, right = (torch.load(work_dir / name) for work_dir in (one, other))
    parts = [(left['state_dict'], right['state_dict'])]
    for rank in sorted(one.glob(f'{name}.rank*')):
        states = (torch.load(rank), torch.load(other / rank.name))
        parts.append(tuple(state['buffers'] for state in states))
    parts += [(left['optimizer']['state'][key], right['optimizer']['state'][key]) for key in left['optimizer']['state']]
    return tuple(
        str(key)
        for first, second in parts
        for key in first.keys() | second.keys()
        if not (
            torch.equal(first[key], second[key])
            if torch.is_tensor(first.get(key))
            else first.get(key) == second.get(key)
        )
    )
