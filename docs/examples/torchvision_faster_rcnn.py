"""Train torchvision's Faster R-CNN with a loss for long tails, and write results that `longtail-det eval` reads.

It needs longtail_det and torchvision, not mmdet. From a COCO or LVIS file:

    longtail-det make-glyphs --out data/glyphs
    python docs/examples/torchvision_faster_rcnn.py --loss SeesawLoss --steps 20 --images data/glyphs \
        --ann data/glyphs/annotations/glyphs_train.json --test-ann data/glyphs/annotations/glyphs_val.json \
        --out results.json
    longtail-det eval --ann data/glyphs/annotations/glyphs_val.json --results results.json

Without weights from elsewhere, 20 steps show that all parts work together; a useful detector takes thousands.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.transforms.functional import pil_to_tensor
from tqdm import tqdm

from longtail_det import losses
from longtail_det.adapters import sync_after_step, torchvision_roi_loss
from longtail_det.annotations import BadRecords, Role, count_file, find_rows, index_labels, read_annotation_file
from longtail_det.sampling import InfiniteRepeatFactorSampler, repeat_factors

#: losses that need no option but the counts of the training set
LOSSES = ('SeesawLoss', 'EQLv2', 'FedLoss', 'LogitAdjustedCE', 'ECMLoss', 'GumbelCE', 'GroupSoftmax')


class CocoBoxes(Dataset):
    """Images with boxes and labels as torchvision wants them: label 0 is background.

    Args:
        ann: COCO or LVIS file.
        images: folder of its images.
    """

    def __init__(self, ann: Path, images: Path) -> None:
        bad = BadRecords(str(ann))
        self.file = read_annotation_file(ann, bad, masks=False)
        bad.settle('skip')
        self.folder = images
        self.index = index_labels(self.file.annotations, self.file.images, self.file.category_ids)
        self.rows = find_rows(self.index.rows, self.file.annotations.rows)

    def __len__(self) -> int:
        return len(self.file.images)

    def __getitem__(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        image = Image.open(self.folder / self.file.images.names[number]).convert('RGB')
        span = slice(self.index.offsets[number], self.index.offsets[number + 1])
        trained = self.index.roles[span] == Role.INSTANCE
        boxes = torch.tensor(self.file.annotations.boxes[self.rows[span][trained]], dtype=torch.float32)
        boxes[:, 2:] += boxes[:, :2]  # x, y, width, height -> two corners
        labels = torch.tensor(self.index.labels[span][trained], dtype=torch.int64) + 1
        return pil_to_tensor(image) / 255, dict(boxes=boxes, labels=labels)


def build_model(dataset: CocoBoxes, loss_name: str, size: int) -> FasterRCNN:
    """Return a ResNet-18 FPN detector of the classes of a training set, with a loss that knows their counts."""
    statistics = count_file(dataset.file)
    kind = getattr(losses, loss_name)
    counts = dict(class_statistics=statistics) if issubclass(kind, losses.NeedsClassStatistics) else {}
    loss = kind(num_classes=statistics.num_classes, **counts)
    backbone = resnet_fpn_backbone(
        backbone_name='resnet18', weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    model = FasterRCNN(
        backbone, statistics.num_classes + 1, min_size=size, max_size=2 * size, box_batch_size_per_image=128,
        rpn_post_nms_top_n_test=300, box_score_thresh=1e-4, box_detections_per_img=300,
    )  # fmt: skip
    # losses of sigmoids start low, so that a thousand classes do not drown the first steps
    return torchvision_roi_loss(model, loss, prior_prob=0.01 if hasattr(loss, 'bias_of_prior') else None)


def collate(samples: list[tuple[Tensor, dict[str, Tensor]]]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Return images and targets as lists: the images differ in size."""
    return [image for image, _ in samples], [target for _, target in samples]


def train(model: FasterRCNN, dataset: CocoBoxes, steps: int, batch_size: int, device: str) -> None:
    """Train on images drawn by repeat factors: those with rare classes more often."""
    factors = repeat_factors(dataset.index.unique_labels(), oversample_thr=0.01)
    sampler = InfiniteRepeatFactorSampler(factors)
    loader = DataLoader(dataset, batch_size, sampler=sampler, collate_fn=collate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
    sync_after_step(optimizer, model)
    model.train()
    for step, (images, targets) in enumerate(itertools.islice(loader, steps), start=1):
        parts = model(
            [image.to(device) for image in images],
            [{key: value.to(device) for key, value in target.items()} for target in targets],
        )
        total = sum(parts.values())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        print(f'step {step:3d}  ' + '  '.join(f'{name} {value.item():.3f}' for name, value in parts.items()))


@torch.no_grad()
def predict(model: FasterRCNN, dataset: CocoBoxes, device: str) -> list[dict[str, object]]:
    """Return the records of a results json."""
    model.eval()
    records: list[dict[str, object]] = []
    for number, image_id in enumerate(tqdm(dataset.file.images.ids.tolist(), desc='predict', unit='img')):
        (found,) = model([dataset[number][0].to(device)])
        corners = found['boxes'].cpu()
        boxes = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1).tolist()
        categories = dataset.file.category_ids[found['labels'].cpu() - 1].tolist()
        for box, category, score in zip(boxes, categories, found['scores'].tolist(), strict=True):
            records.append(dict(image_id=image_id, category_id=category, bbox=box, score=score))
    return records


def main() -> None:
    """Train, predict and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ann', type=Path, required=True, help='COCO or LVIS file to train on')
    parser.add_argument('--images', type=Path, required=True, help='folder of its images')
    parser.add_argument('--test-ann', type=Path, help='file whose images are predicted; default: --ann')
    parser.add_argument('--test-images', type=Path, help='folder of these images; default: --images')
    parser.add_argument('--loss', choices=LOSSES, default='SeesawLoss')
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--size', type=int, default=160, help='shorter side of the images, pixels')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path, default=Path('results.json'))
    args = parser.parse_args()

    torch.manual_seed(0)
    training_set = CocoBoxes(args.ann, args.images)
    model = build_model(training_set, args.loss, args.size).to(args.device)
    train(model, training_set, args.steps, args.batch_size, args.device)
    test_set = CocoBoxes(args.test_ann or args.ann, args.test_images or args.images)
    if list(test_set.file.category_ids) != list(training_set.file.category_ids):
        parser.error(f'{args.test_ann} has other categories than {args.ann}; expected the same ids')
    records = predict(model, test_set, args.device)
    args.out.write_text(json.dumps(records))
    print(f'{len(records)} detections on {len(test_set)} images: {args.out}')


if __name__ == '__main__':
    main()
