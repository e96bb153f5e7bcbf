"""One rank of test_statistics_sync_hook: trains the losses on its share of each batch and saves their state.

Run as: python two_process_worker.py RANK WORLD_SIZE RENDEZVOUS_FILE OUT.pth
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import torch

from longtail_det.engine import StatisticsSyncHook
from longtail_det.losses import DropLoss, EQLv2, SeesawLoss

NUM_CLASSES = 8
STATISTICS = dict(image_count=[1, 2, 5, 9, 200, 300, 400, 500], instance_count=[600] * 8, num_images=1000)


def build_losses():
    return torch.nn.ModuleDict(
        dict(
            eqlv2=EQLv2(num_classes=NUM_CLASSES),
            seesaw=SeesawLoss(num_classes=NUM_CLASSES, sync=True),
            drop=DropLoss(num_classes=NUM_CLASSES, lambda_=0.1, sync_mu=True, class_statistics=STATISTICS),
        )
    )


def batches():
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        logits = torch.randn(24, NUM_CLASSES + 2, generator=generator)
        yield logits, torch.randint(NUM_CLASSES + 1, (24,), generator=generator)


def train(rank: int, world_size: int) -> dict[str, torch.Tensor]:
    """State after five iterations of the hook, on every `world_size`-th RoI of each batch."""
    model = build_losses()
    hook, runner = StatisticsSyncHook(), SimpleNamespace(model=model)
    hook.before_train(runner)
    for step, (logits, labels) in enumerate(batches()):
        logits, labels = logits[rank::world_size], labels[rank::world_size]
        if step == 2 and world_size > 1:
            # mmdet skips the loss of a rank without RoIs: everything goes to rank 0 here
            logits, labels = list(batches())[2] if rank == 0 else (logits[:0], labels[:0])
        if len(labels):
            model['eqlv2'](logits[:, : NUM_CLASSES + 1], labels)
            model['seesaw'](logits, labels)
            model['drop'](logits[:, :NUM_CLASSES], labels)
        hook.after_train_iter(runner, step)
    hook.after_train(runner)
    return model.state_dict()


if __name__ == '__main__':
    rank, world_size = int(sys.argv[1]), int(sys.argv[2])
    torch.distributed.init_process_group('gloo', init_method=f'file://{sys.argv[3]}', rank=rank, world_size=world_size)
    torch.save(train(rank, world_size), sys.argv[4])
    torch.distributed.destroy_process_group()
