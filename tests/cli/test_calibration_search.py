"""The search: images drawn evenly, logits kept as they are, the better strength found."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from longtail_det.annotations import load_class_statistics
from longtail_det.cli.calibration_comparison import comparison_table
from longtail_det.cli.calibration_run import make_candidates
from longtail_det.cli.calibration_search import KeptOutputs, choose_images, score_candidate
from longtail_det.cli.errors import UserError
from longtail_det.evaluation import read_ground_truth
from longtail_det.statistics import ClassStatistics
from longtail_det.synthetic import PRESETS, make_glyphs

from ..models.bbox_heads.test_calibration import build, seen_outputs
from ..models.test_roi_heads import NUM_CLASSES, batch
from .conftest import ROOT

GLYPHS = ROOT / 'configs/glyphs/mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'


def test_images_are_drawn_evenly_over_the_classes():
    labels = [np.array([0])] * 500 + [np.array([1])] * 5 + [np.array([], dtype=int)] * 20 + [np.array([0, 2])]
    chosen = choose_images(labels, 12, np.random.default_rng(0))
    assert len(chosen) == len(set(chosen.tolist())) == 12
    held = [labels[image].tolist() for image in chosen]
    assert held.count([1]) == 5
    assert held.count([0, 2]) == 1
    assert all(held), 'no image without an object'
    everything = choose_images(labels, 10**6, np.random.default_rng(0))
    assert len(everything) == 506
    assert len(choose_images([], 3, np.random.default_rng(0))) == 0


@pytest.mark.parametrize('agnostic', [True, False])
def test_kept_logits_detect_what_the_model_detected(agnostic):
    roi_head = build('StandardRoIHead', 'CrossEntropyLoss', reg_class_agnostic=agnostic)
    features, proposals, samples = batch()
    for number, sample in enumerate(samples):
        sample.set_metainfo(dict(img_id=7 + number))
    with KeptOutputs(roi_head.bbox_head) as kept, torch.no_grad():
        found = roi_head.predict(features, copy.deepcopy(proposals), samples, rescale=True)
        again = {img_id: roi_head.bbox_head.detect(outputs, roi_head.test_cfg) for img_id, outputs in kept}
        assert kept.num_bytes > 0
    assert list(again) == [7, 8]
    for one, other in zip(found, again.values(), strict=True):
        torch.testing.assert_close(one.scores, other.scores)
        torch.testing.assert_close(one.bboxes, other.bboxes)
    assert roi_head.bbox_head.on_outputs is None


def test_the_best_strength_is_the_one_that_finds_the_rare_class(tmp_path, make_gt):
    """A rare class always second to a frequent one: with enough strength it comes first."""
    path = tmp_path / 'gt.json'
    path.write_text(json.dumps(make_gt([(1, 1, [10, 10, 40, 40]), (1, 2, [80, 80, 30, 30])])))
    roi_head = build('StandardRoIHead', 'CrossEntropyLoss')
    head = roi_head.bbox_head
    outputs, _ = seen_outputs(roi_head)
    boxes = torch.tensor([[0, 10.0, 10, 50, 50], [0, 80, 80, 110, 110]])
    logits = torch.full((2, NUM_CLASSES + 1), -9.0)
    logits[0, 0], logits[1, 1], logits[1, 0] = 2.0, 1.0, 2.0
    deltas = torch.zeros(2, 4)
    shown = outputs[0]._replace(
        roi=boxes, cls_score=logits, bbox_pred=deltas, img_meta=dict(img_shape=(200, 200), scale_factor=(1.0, 1.0))
    )

    class Kept(list):
        pass

    kept = Kept([(1, shown)])
    kept.head, kept.device = head, torch.device('cpu')
    counts = ClassStatistics([1000] + [2] * (NUM_CLASSES - 1), [1000] + [2] * (NUM_CLASSES - 1), 1000)
    gt = read_ground_truth(path, ['bbox'])
    test_cfg = ConfigDict(score_thr=1e-4, nms=dict(type='nms', iou_threshold=0.5), max_per_img=2)
    scores = {}
    for candidate in make_candidates(dict(type='NorCal'), [0.0, 0.5], counts):
        scores[candidate.name] = score_candidate(candidate, kept, gt, [1, 2, 3, 4, 5, 6], test_cfg)['AP']
    assert list(scores) == ['none', 'norcal gamma=0.0', 'norcal gamma=0.5']
    assert scores['none'] == scores['norcal gamma=0.0'] < scores['norcal gamma=0.5'] == pytest.approx(1.0)
    assert head.calibration is None


def test_all_methods_that_count_are_candidates():
    counts = ClassStatistics([5, 50], [6, 70], 60, total_images=80, fractal_dim=[1.0, 1.5])
    names = [candidate.name for candidate in make_candidates(None, None, counts)]
    assert names[0] == 'none'
    assert {name.split()[0] for name in names[1:]} == {'fracal', 'iif', 'logit-adjustment', 'norcal'}
    assert len(names) == len(set(names))
    fixed = make_candidates(dict(type='NorCal', gamma=0.3), None, counts)
    assert [candidate.name for candidate in fixed] == ['none', 'norcal gamma=0.3']
    for wanted in (dict(type='IIF'), dict(type='NorCal', gamma=0.3)):
        with pytest.raises(UserError, match='leaves no strength open'):
            make_candidates(wanted, [0.1], counts)


def test_the_table_has_a_line_for_each_run():
    rows = [
        dict(calibration='none', nms_iou=0.3, mask_thr=0.4, bbox=dict(AP=0.25, APr=-1), segm=dict(AP=0.2)),
        dict(calibration='norcal gamma=0.6', nms_iou=0.5, mask_thr=None, bbox=dict(AP=0.3)),
    ]
    lines = comparison_table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[1].split('|')][:8] == ['none', '0.3', '0.4', '25.0', '-', '-', '-', '20.0']
    assert [cell.strip() for cell in lines[2].split('|')][2:5] == ['-', '30.0', '-']


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """A config of two test images, and a checkpoint of a network that was never trained."""
    folder = tmp_path_factory.mktemp('tiny')
    make_glyphs(folder / 'data', PRESETS['tiny'], progress=False)
    cfg = Config.fromfile(GLYPHS)
    train = json.loads((folder / 'data/annotations/glyphs_train.json').read_text())
    num_classes = len(train['categories'])
    for head in ('bbox_head', 'mask_head'):
        cfg.model.roi_head[head].num_classes = num_classes
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(num_workers=0, persistent_workers=False)
        cfg[name].dataset.data_root = f'{folder}/data/'
        cfg[name].dataset.metainfo = dict(classes=tuple(category['name'] for category in train['categories'])[::-1])
    cfg.test_dataloader.dataset.indices = 2
    for name in ('val_evaluator', 'test_evaluator'):
        cfg[name].ann_file = f'{folder}/data/annotations/glyphs_val.json'
    cfg.work_dir = str(folder / 'work')
    cfg.dump(folder / 'config.py')
    init_default_scope('mmdet')  # a module's fixture comes before the one that sets it for every test
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, folder / 'model.pth')
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('method', [['fracal'], ['logn']])
def test_the_whole_command_ends_in_a_checkpoint_that_tests(method, tiny, run, capsys):
    """Also with classes in another order than in the file."""
    out = tiny / method[0]
    strengths = ['--strengths', '1', '2'] if method == ['fracal'] else []
    command = ['calibrate', tiny / 'config.py', tiny / 'model.pth', '--images', '4', '--out', out]
    assert run(*command, '--calibration', *method, *strengths) == 0
    report = json.loads((out / 'calibration.json').read_text())
    assert {(row['nms_iou'], row['mask_thr']) for row in report['test']} == {
        (n, m) for n in (0.3, 0.5) for m in (0.4, 0.5)
    }
    assert [row['calibration'] for row in report['test']] == ['none'] * 4 + [report['chosen']] * 4
    buffers = {
        key: value for key, value in torch.load(out / 'calibrated.pth')['state_dict'].items() if 'calibration' in key
    }
    if method == ['fracal']:
        assert set(report['search']) == {'none', 'fracal strength=1.0', 'fracal strength=2.0'}
        train = load_class_statistics(tiny / 'data/annotations/glyphs_train.json')
        assert buffers['roi_head.bbox_head.calibration.image_count'].tolist() == train.image_count[::-1].tolist()
    else:
        assert buffers['roi_head.bbox_head.calibration.statistics.num_rows'] > 0
    typed = report['chosen'].split()
    assert (
        run('test', tiny / 'config.py', out / 'calibrated.pth', '--calibration', *typed, '--work-dir', out / 'test')
        == 0
    )
    (logged,) = (json.loads(path.read_text()) for path in (out / 'test').glob('*/*.json'))
    same = next(row for row in report['test'][4:] if (row['nms_iou'], row['mask_thr']) == (0.5, 0.5))
    assert logged['lvis/bbox_AP'] == pytest.approx(same['bbox']['AP'])
    assert logged['lvis/segm_AP'] == pytest.approx(same['segm']['AP'])
