"""The report of an upgrade, in lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .comparison import Comparison
from .renaming import Renamed


def report_lines(found: Comparison, renamed: Renamed, limit: int | None) -> Iterator[str]:
    """Report what fits the model and what does not, name by name.

    Args:
        found: what was compared.
        renamed: where the weights come from, for their old names.
        limit: most names of a kind to show; None shows all.
    """
    yield f'fits: {len(found.state) - len(found.fresh)} weights'
    counters = [name for name in found.fresh if name.endswith('.num_batches_tracked')]
    others = [name for name in found.fresh if name not in counters]
    if counters:
        yield f'new: {len(counters)} counters of batch norm, on which no result depends'
    yield from _listed('new, filled by training or by --class-statistics', others, limit)
    yield from _listed('missing in the checkpoint', found.missing, limit)
    yield from _listed('unused by the config', [_old_and_new(name, renamed) for name in found.unused], limit)
    shapes = [f'{name}: {old} in the checkpoint, {new} in the config' for name, (old, new) in found.wrong_shape.items()]
    yield from _listed('of another shape', shapes, limit)


def dropped_lines(renamed: Renamed) -> Iterator[str]:
    """Report what was left out of the `renamed` checkpoint and why, one line per reason."""
    groups = defaultdict(list)
    for name, reason in renamed.dropped.items():
        groups[reason].append(name)
    for reason, names in groups.items():
        more = f' and {len(names) - 1} like it' if len(names) > 1 else ''
        yield f'left out: {names[0]}{more}: {reason}'


def _listed(title: str, names: Sequence[str], limit: int | None) -> Iterator[str]:
    if names:
        yield f'{title}: {len(names)}'
    for name in names[:limit]:
        yield f'    {name}'
    if limit is not None and len(names) > limit:
        yield f'    ... and {len(names) - limit} more; --verbose shows all'


def _old_and_new(name: str, renamed: Renamed) -> str:
    old = renamed.old_names[name]
    return name if old == name else f'{old} ({name})'
