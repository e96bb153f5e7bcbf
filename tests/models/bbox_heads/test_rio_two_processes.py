"""Two processes train RIO for 30 steps, each with its own bank, and resume to identical banks."""

from __future__ import annotations

import copy
import io
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from longtail_det.engine import ClassStatisticsHook
from longtail_det.models.bbox_heads import RIOBBoxHead
from longtail_det.statistics import ClassStatistics

NUM_CLASSES, NUM_STEPS = 6, 30
COUNTS = [2, 20, 31, 40, 500, 600]
#: not the classes that the statistics alone would choose, which are 0 and 1
PUBLISHED = [0, 1, 2]


class Detector(nn.Module):
    """The head behind a forward that gives its losses, for DistributedDataParallel."""

    def __init__(self) -> None:
        super().__init__()
        loss_cls = dict(type='SeesawLoss', num_classes=NUM_CLASSES)
        sizes = dict(in_channels=2, roi_feat_size=3, fc_out_channels=8, num_classes=NUM_CLASSES)
        self.head = RIOBBoxHead(bank=dict(capacity=5), replay_per_class=3, loss_cls=loss_cls, **sizes)

    def forward(self, x, images):
        rois = torch.zeros(len(x), 5)  # read only where boxes are decoded
        losses = self.head.loss_and_target(*self.head(x), rois, images, ConfigDict(pos_weight=-1))['loss_bbox']
        return sum(value for key, value in losses.items() if 'loss' in key)


def batch(rank: int, step: int):
    """RoIs of two images, other ones on each rank, on some steps without foreground."""
    generator = torch.Generator().manual_seed(1000 * rank + step)
    images = []
    for _ in range(2):
        foreground = 0 if (step + rank) % 5 == 0 else int(torch.randint(1, 6, (), generator=generator))
        corners = 50 * torch.rand(2 * foreground + 3, 2, generator=generator)
        boxes = torch.cat([corners, corners + 10], dim=1)
        images.append(
            SimpleNamespace(
                pos_priors=boxes[:foreground],
                pos_gt_bboxes=boxes[foreground : 2 * foreground],
                neg_priors=boxes[2 * foreground :],
                pos_gt_labels=torch.randint(NUM_CLASSES, (foreground,), generator=generator),
                pos_inds=torch.arange(foreground),
                num_gts=foreground,
            )
        )
    num_rois = sum(len(image.pos_priors) + len(image.neg_priors) for image in images)
    return torch.randn(num_rois, 2, 3, 3, generator=generator), images


def train(detector: Detector, rank: int, steps: range) -> None:
    """What a runner does: the hook before training, then steps of SGD on all ranks."""
    model = nn.parallel.DistributedDataParallel(detector, broadcast_buffers=False)
    dataset = SimpleNamespace(
        class_statistics=ClassStatistics(COUNTS, COUNTS, num_images=1000), target_classes=PUBLISHED
    )
    ClassStatisticsHook().before_train(SimpleNamespace(model=model, train_dataloader=SimpleNamespace(dataset=dataset)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for step in steps:
        optimizer.zero_grad()
        model(*batch(rank, step)).backward()
        optimizer.step()


def broadcast_checkpoint(detector: Detector) -> dict[str, torch.Tensor]:
    """Rank 0's state as every rank reads it from the file."""
    buffer = io.BytesIO()
    torch.save(detector.state_dict(), buffer)
    content = [buffer.getvalue()]
    torch.distributed.broadcast_object_list(content, src=0)
    return torch.load(io.BytesIO(content[0]))


def run(rank: int) -> dict[str, dict[str, torch.Tensor]]:
    """States after training, as saved, just resumed, and one step later."""
    init_default_scope('mmdet')  # whatever ran in this process before
    torch.manual_seed(0)
    detector = Detector()
    train(detector, rank, range(NUM_STEPS))
    out = dict(trained=detector.state_dict(), checkpoint=broadcast_checkpoint(detector))
    resumed = Detector()
    resumed.load_state_dict(out['checkpoint'])
    train(resumed, rank, range(0))
    out['resumed'] = copy.deepcopy(resumed.state_dict())
    train(resumed, rank, range(NUM_STEPS, NUM_STEPS + 5))
    out['continued'] = resumed.state_dict()
    return out


@pytest.mark.slow
def test_two_processes_resume_to_identical_banks(two_processes):
    first, second = two_processes(run)
    bank = {name for name in first['trained'] if '.bank.' in name}
    parameters = {name for name in first['trained'] if '.fc' in name or '.shared' in name}

    def same(stage, names):
        return all(torch.equal(first[stage][name], second[stage][name]) for name in names)

    assert first['trained']['head.bank.class_of_row'].tolist() == [0, 1, 2, 6]
    assert (first['trained']['head.bank.written'] > 5).all()  # every ring went round
    assert same('trained', parameters)
    assert not same('trained', bank)  # each rank stores its own RoIs
    for rank in (first, second):
        torch.testing.assert_close(rank['checkpoint'], first['trained'], rtol=0, atol=0)
        torch.testing.assert_close(rank['resumed'], first['trained'], rtol=0, atol=0)
    assert same('continued', parameters)
    assert not torch.equal(first['continued']['head.fc_cls.weight'], first['resumed']['head.fc_cls.weight'])
