"""Two processes on half of each batch end with the statistics of one process on all of it."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from mmengine.hooks import CheckpointHook
from mmengine.hooks.hook import Hook

from longtail_det.engine import StatisticsSyncHook
from longtail_det.losses import EBL, EFL, FCBL, GAP, PCB, DropLoss, EQLv2, SeesawLoss

NUM_CLASSES = 8
STATISTICS = dict(image_count=[1, 2, 5, 9, 200, 300, 400, 500], instance_count=[600] * 8, num_images=1000)


def build_losses():
    return torch.nn.ModuleDict(
        dict(
            eqlv2=EQLv2(num_classes=NUM_CLASSES),
            seesaw=SeesawLoss(num_classes=NUM_CLASSES, sync=True),
            drop=DropLoss(num_classes=NUM_CLASSES, lambda_=0.1, sync_mu=True, class_statistics=STATISTICS),
            ebl=EBL(num_classes=NUM_CLASSES),
            efl=EFL(num_classes=NUM_CLASSES),
            gap=GAP(num_classes=NUM_CLASSES, base=dict(type='CrossEntropyLoss')),
            fcbl=FCBL(num_classes=NUM_CLASSES),
            pcb=PCB(num_classes=NUM_CLASSES, base=dict(type='EQLv2'), alpha=0.2),  # not yet: only its matrix moves
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
            model['efl'](logits[:, :NUM_CLASSES], labels, avg_factor=10.0)
            for name in ('ebl', 'fcbl', 'gap', 'pcb'):
                model[name](logits[:, : NUM_CLASSES + 1], labels)
        hook.after_train_iter(runner, step)
    hook.after_train(runner)
    return model.state_dict()


def test_two_processes_equal_one(two_processes):
    one = train(rank=0, world_size=1)
    for other in two_processes(train, 2):
        torch.testing.assert_close(other, one)
    assert one['eqlv2.neg_grad'].all()
    assert one['drop.last_counts'].all()
    assert one['fcbl.class_count'].sum() == one['pcb.class_count'].sum() > 90
    assert one['pcb.base.neg_grad'].all()


def test_the_hook_defers_and_gives_back():
    loss = EQLv2(num_classes=3)
    logits, labels = torch.zeros(2, 4), torch.tensor([0, 3])
    hook, runner = StatisticsSyncHook(), SimpleNamespace(model=torch.nn.ModuleList([loss]))
    hook.before_train(runner)
    loss(logits, labels)
    assert not loss.neg_grad.any()
    hook.after_train_iter(runner, 0)
    moved = loss.neg_grad.clone()
    assert moved.any()
    hook.after_train_iter(runner, 1)
    assert torch.equal(loss.neg_grad, moved), 'an iteration without a loss adds nothing'
    hook.after_train(runner)
    loss(logits, labels)
    assert (loss.neg_grad > moved).all()


def test_statistics_are_summed_before_a_checkpoint_is_written():
    order = Hook.priority, StatisticsSyncHook.priority, CheckpointHook.priority
    from mmengine.runner import get_priority

    assert get_priority(order[1]) < get_priority(order[2])
