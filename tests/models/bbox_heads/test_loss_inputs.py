"""Each RoI is told the ground-truth object it belongs to, counted over the images of the batch."""

from __future__ import annotations

from mmdet.models.task_modules.samplers import SamplingResult

from longtail_det.models.bbox_heads.loss_inputs import object_ids


def test_object_ids_count_over_images_and_background_has_none():
    results = [SamplingResult.random(rng=seed, num_gts=4, num_preds=20) for seed in range(3)]
    expected = []
    for image, result in enumerate(results):
        expected += [4 * image + i for i in result.pos_assigned_gt_inds.tolist()] + [-1] * len(result.neg_priors)
    assert object_ids(results).tolist() == expected
    assert max(expected) > 7
