"""How a run starts in a work dir: from its newest whole checkpoint, from a named one, or over."""

from __future__ import annotations

from pathlib import Path

from mmengine.logging import print_log

from .checkpoint_files import find_checkpoints, find_newest_whole, remove_unfinished, set_aside


def choose_start(
    folder: Path, template: str, load_from: str | None, resume: bool, from_scratch: bool
) -> tuple[str | None, bool]:
    """Decide what a run starts from, and move what must not be mistaken for its own.

    Args:
        folder: of the checkpoints; the caller holds its lock.
        template: the `filename_tmpl` of the run.
        load_from: a checkpoint that was named.
        resume: whether to go on with a run.
        from_scratch: whether the run may start over where there are checkpoints.

    Returns:
        The checkpoint to load, if any, and whether it is to be resumed.

    Raises:
        ValueError: the run would start over in a folder that holds checkpoints.
    """
    remove_unfinished(folder)
    found = find_checkpoints(folder, template)
    if resume and load_from is not None:
        # what comes after the named one is another course of the run
        own = Path(load_from)
        if own in found or own.absolute() in [path.absolute() for path in found]:
            names = [path.name for path in found]
            set_aside(found[: names.index(own.name)])
        return load_from, True
    if resume:
        choice = find_newest_whole(folder, template)
        if choice.skipped:
            print_log(f'--resume: skipped, not whole: {choice.describe_skipped()}', logger='current')
        if choice.path is not None:
            set_aside(path for path in found if path.name in choice.skipped)
            return str(choice.path), True
        if found and not from_scratch:
            raise ValueError(
                f'--resume: no checkpoint in {folder} is whole ({choice.describe_skipped()}); name another with '
                '--resume CHECKPOINT, or start over with --from-scratch'
            )
        if not found:
            print_log(f'--resume: no checkpoint in {folder}, training starts from the beginning', logger='current')
    elif found and not from_scratch:
        raise ValueError(
            f'{folder} holds checkpoints of an earlier run (the last: {found[0].name}); go on with --resume, choose '
            'another --work-dir, or start over with --from-scratch, which moves them into a folder inside it'
        )
    set_aside(found)
    return load_from, False
