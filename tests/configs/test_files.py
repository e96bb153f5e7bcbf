"""Every config is named by the grammar, short, free of paths, and in exactly one metafile that tells the truth."""

from __future__ import annotations

import ast
import re
from collections import Counter

import yaml

from .zoo import ALL, CONFIGS, FAMILIES, METAFILES, MODEL_OF, PATH_OF, ROOT, innermost, load, stages

GRAMMAR = re.compile(
    r'(faster-rcnn|mask-rcnn|cascade-mask-rcnn|htc|atss|gfl)'
    r'_(r18|r50|r101|r50-caffe|r101-caffe|x101-(32x4d|64x4d|32x8d)|swin-t-p4-w7)_fpn'
    r'_(ce|sigmoid|gumbel|cra|seesaw|eql|eqlv2|droploss|rio|crt|lws|bags|acsl|fcbl|loce'
    r'|fedloss|ecm|iif|logit-adjusted|pcb|gap|ebl|focal|efl|qfl|eqfl)'
    r'(-(copy-paste|gumbel|seesaw|eqlv2|iterative|normed-mask|normed-cls|prior|softmax-test|nms0\.3'
    r'|fracal|norcal|logit-adjustment|iif|logn))*'
    r'_(random|rfs|rfs5e-4|irfs|class-aware)(-stochastic)?-(ms|ss)-(?P<schedule>1x|2x|3x|6e|75k|90k|180k|600i|2000i)'
    r'_(?P<dataset>lvis-v1|lvis-v0\.5|openimages|glyphs|glyphs-lvis)'
)
#: what the name says that the file has to bind
EPOCHS = {'6e': 6, '1x': 12, '2x': 24, '3x': 36}
STEPS = {'75k': 75000, '90k': 90000, '180k': 180000, '600i': 600, '2000i': 2000}
CLASSES = {'lvis-v1': 1203, 'lvis-v0.5': 1230, 'openimages': 500, 'glyphs': 80, 'glyphs-lvis': 1203}


def every_config(check):
    """Make a check of one config a test of all of them; a failure names the config."""

    def test(subtests):
        for path in ALL:
            with subtests.test(path.stem):
                check(path)

    return test


def test_names_are_unique():
    """mim finds a config by its basename."""
    assert len(ALL) > 150
    assert len(PATH_OF) == len(ALL)


@every_config
def test_the_file_is_a_named_diff_without_paths(path):
    assert GRAMMAR.fullmatch(path.stem), path.stem
    text = path.read_text()
    assert len(text.splitlines()) <= 40, 'a method is a diff one can read on one screen'
    assert 'work_dir' not in text
    assert not re.search(r'[\'"]/', text), 'no absolute path'


@every_config
def test_the_docstring_names_the_original(path):
    """By its last part, without suffix; or the config has none, as those of the glyphs."""
    if path.parent.name == 'glyphs':
        return
    doc = ast.get_docstring(ast.parse(path.read_text()))
    assert doc, 'one line: which experiment'
    if doc.startswith("Softmax baseline with RFS: mmdet's"):
        return
    missing = [name for name in originals(path) if not re.search(rf'{re.escape(short(name))}(?![\w-])', doc)]
    assert not missing or 'openimages' in doc, missing


def originals(path):
    return [original['Name'] for original in MODEL_OF[path.stem].get('Original', ())]


def short(name):
    return name.rsplit('/', 1)[-1].removeprefix('RIO: ').removesuffix('.py')


def test_every_config_is_in_the_metafile_of_its_folder():
    for family in FAMILIES:
        listed = Counter(model['Config'] for model in METAFILES[family]['Models'])
        there = Counter(str(path.relative_to(ROOT)) for path in ALL if path.parent.name == family)
        assert listed == there
        collections = {collection['Name'] for collection in METAFILES[family]['Collections']}
        assert {model['In Collection'] for model in METAFILES[family]['Models']} == collections
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert index['Import'] == [f'configs/{family}/metafile.yml' for family in FAMILIES]


@every_config
def test_the_metafile_and_the_name_tell_the_truth(path):
    cfg, facts = load(path), MODEL_OF[path.stem]['Metadata']
    said = GRAMMAR.fullmatch(path.stem)
    assert MODEL_OF[path.stem]['Name'] == path.stem
    assert cfg.num_classes == CLASSES[said['dataset']]
    test_cfg = cfg.model.test_cfg.get('rcnn', cfg.model.test_cfg)
    assert facts['NMS IoU'] == test_cfg.nms.iou_threshold == (0.3 if '-nms0.3' in path.stem else 0.5)
    assert facts['Score Threshold'] == test_cfg.score_thr
    assert facts['Batch Size'] == cfg.auto_scale_lr.base_batch_size
    if said['schedule'] in EPOCHS:
        assert facts['Epochs'] == cfg.train_cfg.max_epochs == EPOCHS[said['schedule']]
        assert cfg.train_cfg.val_interval == cfg.train_cfg.max_epochs
    else:
        assert facts['Iterations'] == cfg.train_cfg.max_iters == STEPS[said['schedule']]
        assert cfg.log_processor.by_epoch is False
        assert cfg.default_hooks.checkpoint.by_epoch is False
        assert cfg.train_dataloader.sampler.type in (
            'InfiniteSampler',
            'InfiniteRepeatFactorSampler',
            'InfiniteClassAwareSampler',
        )
    assert (cfg.train_dataloader.dataset.type != 'LVISDataset') == ('rfs' in path.stem)
    multi_scale = 'RandomChoiceResize' in str(innermost(cfg.train_dataloader.dataset).pipeline)
    assert multi_scale == ('-ms-' in path.stem)
    mask_heads = stages(cfg.model.get('roi_head', {}).get('mask_head'))
    normed = {predictor_type(head) == 'NormedConv2d' for head in mask_heads}
    assert normed == {'normed-mask' in path.stem} or not mask_heads
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.test_evaluator == cfg.val_evaluator


def predictor_type(mask_head):
    return mask_head.get('predictor_cfg', {}).get('type')


def test_every_original_has_a_config_and_no_other_is_claimed():
    """The list is that of the replaced repositories, written independently of the metafiles."""
    wanted = (ROOT / 'tests/configs/originals.txt').read_text().splitlines()
    claimed = {name for path in ALL for name in originals(path)}
    assert set(wanted) == claimed


def test_every_difference_is_explained():
    text = (CONFIGS / 'README.md').read_text()
    used = {
        difference
        for model in MODEL_OF.values()
        for original in model.get('Original', ())
        for difference in original.get('Differences', ())
    }
    explained = set(re.findall(r'^\| ([a-z0-9-]+) \| [^|*\[]+ \|$', text, re.MULTILINE)) - {'name'}
    assert explained == used


@every_config
def test_it_has_a_row_in_both_tables(path):
    """`test_zoo_tables` checks that the tables are those of the metafiles."""
    assert f'({path.parent.name}/{path.name})' in (CONFIGS / 'README.md').read_text()
    assert f'({path.name})' in (path.parent / 'README.md').read_text()
