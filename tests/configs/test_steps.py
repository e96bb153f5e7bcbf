"""A config of each family on generated LVIS-format data with its full vocabulary: a training step and a prediction.

Full models but smaller amounts: images of a tenth of the side, 16 RoIs an image in training, 5 proposals and 10
detections at test (300 detections of 1203 mask channels are a gigabyte).
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import METRICS, MODELS
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from longtail_det.engine import ClassStatisticsHook

from .lvis_files import use_small_data
from .zoo import FAMILIES, PATH_OF, load, stages

#: one of each family; together every detector, backbone style, dataset, sampler and loop
SAMPLES = [
    'faster-rcnn_r50_fpn_ce_random-ss-180k_openimages',
    'faster-rcnn_r50_fpn_eql_random-ss-180k_openimages',
    'cascade-mask-rcnn_r101_fpn_seesaw-normed-mask_rfs-ms-2x_lvis-v1',
    'mask-rcnn_r50-caffe_fpn_droploss_rfs5e-4-stochastic-ms-90k_lvis-v0.5',
    'mask-rcnn_r50-caffe_fpn_eql_random-ss-90k_lvis-v1',
    'mask-rcnn_r50_fpn_eqlv2_random-ms-1x_lvis-v1',
    'htc_r101_fpn_gumbel_random-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_cra_random-ms-1x_lvis-v1',
    'mask-rcnn_swin-t-p4-w7_fpn_droploss-gumbel-normed-mask-nms0.3_rfs-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_eql-gumbel-normed-mask-normed-cls_random-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_ce-fracal-normed-mask-normed-cls_rfs-ms-2x_lvis-v1',
    'mask-rcnn_r50_fpn_bags_random-ms-1x_lvis-v1',
    'mask-rcnn_x101-32x8d_fpn_rio_rfs-stochastic-ms-180k_lvis-v1',
    'mask-rcnn_r50_fpn_fedloss_rfs-ms-2x_lvis-v1',
    'mask-rcnn_r50_fpn_ecm-normed-mask_rfs-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_iif_random-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_logit-adjusted_random-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_pcb-seesaw_rfs-ms-2x_lvis-v1',
    'mask-rcnn_r50_fpn_gap_random-ms-1x_lvis-v1',
    'mask-rcnn_r50_fpn_ebl_random-ms-1x_lvis-v1',
]


def test_the_samples_cover_the_families():
    """LongTailGlyphs has tests of its own."""
    assert {PATH_OF[name].parent.name for name in SAMPLES} == set(FAMILIES) - {'glyphs'}


@pytest.mark.slow
@pytest.mark.parametrize('name', SAMPLES)
def test_one_training_step_and_one_prediction(name, tmp_path):
    torch.manual_seed(0)
    cfg = load(PATH_OF[name])
    use_small_data(cfg, tmp_path)
    cfg.model.backbone.init_cfg = None
    if cfg.optim_wrapper.type == 'AmpOptimWrapper' and not torch.cuda.is_available():
        # mmengine trains in float16 on a GPU only
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.optim_wrapper.pop('loss_scale', None)
    for stage in stages(cfg.model.train_cfg.rcnn):
        stage.sampler.num = 16
    cfg.model.test_cfg.rpn.max_per_img = 5
    cfg.model.test_cfg.rcnn.max_per_img = 10
    model = MODELS.build(cfg.model)
    model.init_weights()
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    ClassStatisticsHook().before_train(SimpleNamespace(model=model, train_dataloader=loader))

    model.train()
    losses = model.train_step(next(iter(loader)), build_optim_wrapper(model, cfg.optim_wrapper))
    assert losses.keys() >= {'loss', 'loss_rpn_cls'}
    assert all(value.isfinite().all() for value in losses.values())
    assert all(parameter.isfinite().all() for parameter in model.parameters())

    model.eval()
    val_loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    metric = METRICS.build(cfg.val_evaluator)
    metric.dataset_meta = val_loader.dataset.metainfo
    batch = next(iter(val_loader))
    with torch.no_grad():
        samples = model.val_step(batch)
    found = samples[0].pred_instances
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (found.labels < cfg.num_classes).all()
    if hasattr(model.roi_head, 'mask_head') and model.roi_head.with_mask:
        assert found.masks.shape[1:] == samples[0].ori_shape
    metric.process(batch, [sample.to_dict() for sample in samples])
    scores = metric.evaluate(size=1)
    assert {f'lvis/{kind}_AP' for kind in cfg.val_evaluator.metric} <= scores.keys()
