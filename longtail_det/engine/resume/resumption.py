"""Where a resumed run goes on, and what of it is exact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.dist import get_dist_info

from longtail_det.compat.checkpoint import load_from_local

from .checkpoint_files import rank_file


@dataclass
class Resumption:
    """Where a run goes on.

    Args:
        state: of this rank, as `read_rank_state` returned it; None where it is not known.
        place: pass over the training data, and batches of it to leave out.
        batches: batches to leave out since the run began.
        seed: of the batches; None where it is not known.
        sampler_seed: of the sampler; likewise.
        description: one line on what is exact.
    """

    state: dict[str, Any] | None = None
    place: tuple[int, int] = (0, 0)
    batches: int = 0
    seed: int | None = None
    sampler_seed: int | None = None
    description: str = ''


def plan_resumption(
    checkpoint: dict[str, Any], state: dict[str, Any] | None, path: str | None, images_per_step: int
) -> Resumption:
    """Decide where a run goes on from a checkpoint.

    Args:
        checkpoint: of mmengine.
        state: that of rank 0, saved in it, if there is one.
        path: of its file, beside which the other ranks have theirs.
        images_per_step: of this run, over all ranks.

    Returns:
        The plan of this rank. Where the number of ranks or the batch size has changed, it leaves out as many images as
        were trained on, rounded to batches.

    Raises:
        ValueError: the checkpoint does not say where its run was.
    """
    steps = _read_count(checkpoint, 'iter', path)
    epoch = _read_count(checkpoint, 'epoch', path)
    if 'message_hub' not in checkpoint:
        raise ValueError(f'{path} holds weights only, no run to go on with; start from it with load_from={path}')
    if state is None:
        seed = checkpoint['meta'].get('seed')
        return Resumption(
            place=(epoch, 0),
            batches=steps,
            seed=seed,
            sampler_seed=seed,
            description=f'resumes at step {steps} from a checkpoint without random state (not by ExactCheckpointHook): '
            'exact in weights, optimizer, schedule and order of the images; the random numbers are new',
        )
    rank, world_size = get_dist_info()
    kept = state['images_per_step'] or images_per_step
    number, batches = state['place']
    own: dict[str, Any] | None = state
    missing = ''
    if world_size != state['world_size']:
        own = None
        missing = f'saved by {state["world_size"]} processes, resumed by {world_size}'
    elif rank:
        own, missing = _read_rank(path, rank, steps)
    plan = Resumption(
        state=own,
        place=(number, batches * kept // (images_per_step or kept)),
        batches=steps * kept // (images_per_step or kept),
        seed=(own or state)['seed'],
        sampler_seed=state['sampler_seed'],
    )
    if missing:
        plan.description = (
            f'resumes at step {steps}, {missing}: exact in weights, optimizer, schedule and statistics that are summed '
            'over processes; random numbers are new, what each process kept to itself (buffers of ranks other than 0, '
            'gradients of accumulated batches) is lost, and the images go on behind those that were shown'
        )
    else:
        plan.description = f'resumes exactly at step {steps}'
    if 'optimizer' not in checkpoint:
        plan.description += '; the checkpoint holds no optimizer state, which starts anew'
    return plan


def _read_count(checkpoint: dict[str, Any], key: str, path: str | None) -> int:
    meta = checkpoint.get('meta')
    value = meta.get(key) if isinstance(meta, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(
            f'{path}: meta.{key} is {value!r}, expected a number, 0 or more; it does not say where its run was, so '
            f'start from its weights with load_from={path}'
        )
    return value


def _read_rank(path: str | None, rank: int, steps: int) -> tuple[dict[str, Any] | None, str]:
    """Return the state of a rank, or why there is none."""
    file = Path(rank_file(path or 'checkpoint', rank))
    if not file.is_file():
        return None, f'without {file.name}'
    state = load_from_local(str(file), map_location='cpu')
    if state.get('steps') != steps:
        return None, f'with a {file.name} of another step'
    return state, ''
