"""The configs of the calibrations: FRACAL's setting, each differing from the baseline at test alone."""

from __future__ import annotations

import inspect

from longtail_det.calibration import CALIBRATIONS

from .zoo import ALL, MODEL_OF, PATH_OF, leaves, load

NAMED = {path.stem: load(path) for path in ALL if path.parent.name == 'calibration'}
BASELINE = 'mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1'
#: of NorCal, whose own model is detectron2's
D2_BASELINE = 'mask-rcnn_r50-caffe_fpn_ce_rfs-stochastic-ms-90k_lvis-v0.5'


def test_the_baseline_has_fracals_setting():
    cfg = NAMED[BASELINE]
    assert cfg.model.roi_head.bbox_head.cls_predictor_cfg == dict(type='NormedLinear', temperature=20)
    assert cfg.model.roi_head.mask_head.predictor_cfg.type == 'NormedConv2d'
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.optimizer.lr) == ('AmpOptimWrapper', 0.02)
    assert cfg.train_dataloader.dataset.oversample_thr == 1e-3
    assert (cfg.param_scheduler[0].end, cfg.param_scheduler[1].milestones) == (500, [16, 22])


def test_every_method_has_a_config_that_differs_at_test_alone():
    used = set()
    for name, cfg in NAMED.items():
        baseline = dict(leaves(load(PATH_OF[D2_BASELINE if name.endswith('v0.5') else BASELINE])))
        found = dict(leaves(cfg))
        changed = {key for key in baseline | found if baseline.get(key) != found.get(key)}
        changed = {key for key in changed if not key.startswith(('custom_hooks', 'model.test_cfg.rcnn'))}
        assert all(key.startswith('model.roi_head.bbox_head.calibration') for key in changed), name
        used.add(cfg.model.roi_head.bbox_head.get('calibration', {}).get('type'))
    assert used == {None, *(kind.__name__ for kind in CALIBRATIONS)}
    kinds = {kind.__name__: inspect.signature(kind).parameters for kind in CALIBRATIONS}
    for cfg in NAMED.values():
        calibration = dict(cfg.model.roi_head.bbox_head.get('calibration', {}))
        assert set(calibration) <= {'type', *kinds.get(calibration.get('type'), ())}


def test_the_published_number_stands_beside_the_thresholds_it_was_measured_with():
    (name,) = [name for name in NAMED if 'Published' in MODEL_OF[name]]
    test_cfg = NAMED[name].model.test_cfg.rcnn
    assert (test_cfg.nms.iou_threshold, test_cfg.mask_thr_binary, test_cfg.max_per_img) == (0.3, 0.4, 300)
    assert NAMED[name].model.roi_head.bbox_head.calibration == dict(type='FRACAL', strength=2.0)
    (published,) = MODEL_OF[name]['Published']
    assert [published[key] for key in ('mask AP', 'mask APr', 'mask APc', 'mask APf')] == [28.5, 23.0, 28.1, 31.5]
