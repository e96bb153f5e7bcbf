"""How each command of the pages is checked: run on small data, or, with the reason, only parsed."""

from __future__ import annotations

import re

#: a detector that a CPU trains in seconds; what it learns is no matter
TINY = (
    'model.backbone.depth=18 model.backbone.init_cfg=None model.neck.in_channels=[64,128,256,512] '
    'model.train_cfg.rpn_proposal.nms_pre=20 model.test_cfg.rpn.nms_pre=20 model.test_cfg.rpn.max_per_img=10 '
    'train_dataloader.dataset.indices=2 default_hooks.checkpoint.interval=12 '
    + ' '.join(f'{part}_dataloader.{option}' for part in ('train', 'val', 'test')
               for option in ('num_workers=0', 'persistent_workers=False'))
    + ' train_dataloader.dataset.pipeline.2.scale=(96,64)'
    + ''.join(f' {part}_dataloader.dataset.pipeline.1.scale=(96,64)' for part in ('val', 'test'))
)  # fmt: skip
#: command -> what is added to it (a later option beats an earlier one). They run in this order, each in the folder that
#: the ones before it and `conftest.place` have filled.
EXECUTED = {
    'longtail-det make-glyphs --out data/glyphs': '--preset tiny',
    'python tools/data/make_glyphs.py --out data/glyphs': '--preset tiny',
    'longtail-det eval --ann data/glyphs/annotations/glyphs_val.json --results work_dirs/quickstart/results.npz':
        '--results results.json',
    'longtail-det eval --ann data/glyphs/annotations/glyphs_val.json --results results.json': '',
    'longtail-det eval --ann data/glyphs/annotations/glyphs_val.json --results results.json --metric bbox segm': '',
    'longtail-det eval --ann VAL.json --results results.json --metric bbox segm --intervals --errors': '--intervals 20',
    'longtail-det eval --ann VAL.json --results results.json --metric bbox segm --classwise classes.csv': '',
    'longtail-det eval --ann VAL.json --results coco_instances_results.json --metric bbox segm': '',
    'python tools/analysis/eval_results.py --ann VAL.json --results results.json --intervals --errors':
        '--intervals 20',
    'longtail-det calibrate --results results.json --counts train.json --calibration norcal gamma=0.6 '
    '--out new.json': '',
    'python tools/analysis/calibrate.py --results results.json --counts TRAIN.json --calibration norcal gamma=0.6 '
    '--out new.json': '',
    'longtail-det build-store data/lvis_v1/annotations/lvis_v1_train.json': '',
    'longtail-det build-store data/lvis_v1/annotations/lvis_v1_train.json --check': '',
    'longtail-det plot-class-frequency --ann TRAIN.json --out frequency.png': '',
    'longtail-det audit TRAIN.json --val VAL.json --out work_dirs/audit.html': '',
    'longtail-det audit data/glyphs/annotations/glyphs_train.json --val data/glyphs/annotations/glyphs_val.json '
    '--json work_dirs/audit.json --out work_dirs/audit.html': '',
    'python tools/data/download_lvis.py --dry-run': '',
    'longtail-det verify --list': '',
    'longtail-det study configs/study/study.yml --jobs 2': '--status',
    'python docs/examples/make_own_data.py data/own': '',
    'longtail-det class-statistics --ann data/own/train.json --out work_dirs/own_counts.json': '',
    'longtail-det plot-class-frequency --ann data/own/train.json --out work_dirs/own_counts.png': '',
    'longtail-det train docs/examples/own_data.py': f'--device cpu --cfg-options train_cfg.val_interval=12 {TINY}',
    'longtail-det test docs/examples/own_data.py work_dirs/own_data/epoch_12.pth --work-dir work_dirs/own_data '
    '--out work_dirs/own_data/results.npz': f'--device cpu --cfg-options {TINY}',
    'longtail-det report work_dirs/own_data': '',
    'longtail-det compare work_dirs/softmax work_dirs/seesaw --ann VAL.json --metric bbox segm':
        '--ann data/own/val.json --metric bbox --intervals 20',
    'longtail-det compare work_dirs/softmax work_dirs/seesaw --metric bbox segm': '--metric bbox --intervals 20',
    'python tools/analysis/compare.py work_dirs/softmax work_dirs/seesaw --metric bbox segm':
        '--metric bbox --intervals 20',
    'longtail-det report work_dirs/mine': '',
    'python tools/analysis/report.py work_dirs/mine': '',
    'longtail-det report work_dirs/softmax work_dirs/seesaw --out work_dirs/report.html': '',
    'longtail-det report --results results.json --ann VAL.json': '--img-root small --out work_dirs/results.html',
    'longtail-det report --results results.json --ann data/glyphs/annotations/glyphs_val.json '
    '--out work_dirs/results.html': '',
    'longtail-det eval --ann data/glyphs/annotations/glyphs_val.json --results work_dirs/whole/results.json '
    '--metric bbox segm': '--results results.json',
}  # fmt: skip
#: pattern of commands -> why they are not run here; what has a parser is parsed all the same
NOT_RUN = {
    r'python docs/examples/torchvision_faster_rcnn\.py .*': 'minutes on a CPU; tests/adapters/test_examples.py runs it',
    r'python -m (venv|build)\b.*': 'makes an environment, builds; tests/test_packaging.py and tests/test_install.py',
    r'(python -m )?pytest tests/adapters.*': 'the tests themselves',
    r'\./tools/\w+\.sh.*':
        'installs, takes minutes or wants Slurm; tests/tools runs the scripts with stand-ins',
    r'.*longtail-det study .* --launcher slurm.*': 'wants Slurm; tests/cli/test_study.py',
    r'\.venv/bin/mkdocs serve': 'does not end; run_tests.sh builds the site',
    r'pip install .*': 'changes the environment; tests/test_packaging.py builds the wheel',
    r'(python tools/benchmarks/\S+|pytest -m) .*cuda.*': 'wants a GPU; what it printed is beside it',
    r'longtail-det (predict|browse) .*': 'wants a trained glyph detector and its data; tests/cli has both commands',
    r'longtail-det audit dataset/\S+ .*': 'YOLO labels; tests/cli/test_audit.py',
    r'mim .*': 'mim reads an installed copy and not a checkout; run by hand, as the page says',
    r'python tools/data/(download|check)_lvis\.py.*': 'LVIS has 21 GB; tests/cli has a small one on a local server',
    r'longtail-det verify \S+': 'wants LVIS; tests/cli/test_verify.py',
    r'(longtail-det upgrade-checkpoint|python tools/model_converters/upgrade_checkpoint\.py) OLD\.pth .*':
        'tests/compat/upgrade makes such checkpoints',
    r'(longtail-det (test|calibrate)|python tools/\S+) CONFIG CHECKPOINT.*':
        'tests/cli tests and calibrates a toy; a real test runs above',
    r'python tools/train\.py .*': 'trains a glyph detector for minutes; a real training runs above',
    r'longtail-det (train|test) docs/examples/own_data\.py .*--device cpu .*': 'minutes of CPU; runs above with less',
    r'python tools/analysis/eval_results\.py --ann data/lvis_v1/\S+ .*': 'wants LVIS; the same options run above',
}  # fmt: skip

#: page -> why its Python examples are only compiled
PYTHON_NOT_RUN = {'docs/inference.md': 'wants a trained glyph detector; tests/cli/test_predict.py runs the same'}


def reason_not_to_run(text: str) -> str | None:
    """Return why a command is not run, or None where nothing says so."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, text)), None)
