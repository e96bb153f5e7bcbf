"""Statistics summed over a process group of one process on a CUDA device: by NCCL there, by gloo in a dry run."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

pytestmark = [pytest.mark.cuda, pytest.mark.slow]


def sync_in_a_group(device: str, meeting_point: str) -> dict[str, bool]:
    """Name of each loss that counts -> whether its state after the hook's sum is that of a loss without a group."""
    import torch
    import torch.distributed as dist

    from longtail_det.engine import sync_statistics
    from tests.losses.catalog import LOSSES, NUM_CLASSES, build

    counting = [name for name in LOSSES if getattr(build(name), '_pending', torch.zeros(0)).numel()]
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(NUM_CLASSES + 1, (32,), generator=generator)
    states = []
    for in_group in (False, True):
        if in_group:
            dist.init_process_group(
                'nccl' if device == 'cuda' else 'gloo', init_method=meeting_point, rank=0, world_size=1
            )
        losses = {name: build(name).to(device) for name in counting}
        for loss in losses.values():
            loss.defer_statistics()
            generator = torch.Generator().manual_seed(1)
            logits = torch.randn(32, NUM_CLASSES + loss.extra_channels, generator=generator).to(device)
            torch.manual_seed(2)
            loss(logits, labels.to(device))
            sync_statistics(loss)
        states.append({name: [b.cpu() for b in loss.buffers()] for name, loss in losses.items()})
    dist.destroy_process_group()
    # sums on a GPU are added in any order
    return {name: all(map(torch.allclose, states[0][name], states[1][name])) for name in counting}


def test_one_process_in_a_group_is_one_process(device, tmp_path):
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as process:
        equal = process.submit(sync_in_a_group, device, f'file://{tmp_path}/group').result(300)
    assert len(equal) > 5
    assert all(equal.values()), equal
