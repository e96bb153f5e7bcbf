"""The runs of a study: order, names, folders, and what is wrong with its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from longtail_det.reports.study import Run, parse_study, study_runs

from .cases import SOURCE, make_study, study_values

ROOT = Path(__file__).parents[3]


def test_seeds_of_a_section_follow_each_other(tmp_path):
    runs = list(study_runs(make_study(tmp_path)))
    methods = ['ce_random', 'eql_random', 'eql_rfs', 'crt_random']
    tests = ['ce_random+norcal', 'ce_random+search', 'ce_random+norcal-best', 'ce_random+logn']
    wanted = [(name, seed) for names in (methods, tests) for seed in (0, 1) for name in names]
    assert [(run.name, run.seed) for run in runs] == wanted


def test_a_section_may_have_seeds_of_its_own(tmp_path):
    methods, calibrations = study_values(tmp_path)['sections']
    runs = list(study_runs(make_study(tmp_path, sections=[methods, {**calibrations, 'seeds': [1]}])))
    assert {run.seed for run in runs if run.of} == {1}
    assert {run.seed for run in runs if not run.of} == {0, 1}


def test_a_section_may_have_configs_of_its_own(tmp_path):
    values = study_values(tmp_path)
    other = {'title': 'One stage', 'config': 'one/{method}_{sampler}.py', 'runs': [{'method': 'efl', 'sampler': 'rfs'}]}
    values['sections'].append(other)
    configs = {run.name: run.config for run in study_runs(parse_study(values, SOURCE))}
    assert configs['efl_rfs'] == 'one/efl_rfs.py'
    assert configs['eql_rfs'] == 'configs/eql_rfs.py'
    other['config'] = 'one/{loss}.py'
    with pytest.raises(ValueError, match=r"study.yml: config 'one/\{loss\}.py'; expected a path with"):
        parse_study(values, SOURCE)


def test_the_folder_is_that_of_the_config_and_the_seed(tmp_path):
    runs = {(run.name, run.seed): run for run in study_runs(make_study(tmp_path))}
    assert runs['eql_rfs', 1].folder == tmp_path / 'runs' / 'eql_rfs' / 'seed_1'
    assert runs['eql_rfs', 1].config == 'configs/eql_rfs.py'
    best = runs['ce_random+norcal-best', 1]
    assert best.folder == tmp_path / 'runs' / 'ce_random+norcal-best' / 'seed_1'
    assert best.config == 'configs/ce_random.py'
    assert best.needs == ('ce_random', 'ce_random+search')
    assert runs['crt_random', 0].needs == ('ce_random',)


def test_a_test_takes_the_options_of_the_training(tmp_path):
    values = study_values(tmp_path)
    values['sections'] = [
        {'title': 'A', 'runs': [{'method': 'ce', 'sampler': 'random', 'options': ['model.x=1']}]},
        {'title': 'B', 'runs': [{'of': 'ce_random', 'variant': 'y', 'options': ['model.y=2']}]},
    ]
    *_, run = study_runs(parse_study(values, SOURCE))
    assert run.name == 'ce_random+y'
    assert run.options == ('model.x=1', 'model.y=2')
    assert run.baseline == 'ce_random'


def first(values, **changes):
    entry = {**values['sections'][0]['runs'][0], **changes}
    return {**values, 'sections': [{'title': 'Methods', 'runs': [entry]}]}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda v: {**v, 'seed': 3}, 'unknown field `seed`'),
        (lambda v: {**v, 'seeds': ['x']}, r'Expected `int`, got `str` - at `\$.seeds\[0\]`'),
        (lambda v: {key: value for key, value in v.items() if key != 'title'}, 'missing required field `title`'),
        (lambda v: {**v, 'config': 'configs/{loss}.py'}, 'expected a path with {method} and {sampler}'),
        (lambda v: {**v, 'baseline': 'seesaw_random'}, "baseline 'seesaw_random' is no entry; expected one of"),
        (lambda v: first(v, first_stage='x_random'), "ce_random seed 0 needs x_random, but 'x_random' is no entry"),
        (
            lambda v: {**v, 'sections': [*v['sections'], {'title': 'B', 'runs': [{'title': 'x'}]}]},
            'an entry has neither method nor of; expected method and sampler, or of an entry above it',
        ),
        (lambda v: {**v, 'sections': v['sections'][::-1]}, "an entry has of 'ce_random'; expected method"),
        (lambda v: {**v, 'sections': v['sections'] * 2}, 'ce_random seed 0 is there twice'),
        (
            lambda v: {
                **v,
                'sections': [
                    *v['sections'],
                    {'title': 'B', 'seeds': [7], 'runs': [{'of': 'ce_random', 'variant': 'x'}]},
                ],
            },
            'needs ce_random, but ce_random has no seed 7; add it',
        ),
    ],
)
def test_a_mistake_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_study(change(study_values(tmp_path)), SOURCE)
    assert str(caught.value).startswith('study.yml: ')
    assert '\n' not in str(caught.value)


@pytest.fixture(scope='module')
def own() -> list[Run]:
    """The runs of the repository's study."""
    Config = pytest.importorskip('mmengine.config').Config
    values = Config.fromfile(str(ROOT / 'configs/study/study.yml')).to_dict()
    return list(study_runs(parse_study(values, 'configs/study/study.yml')))


def test_the_configs_of_the_study_are_there(own):
    missing = {run.config for run in own if not (ROOT / run.config).is_file()}
    assert not missing


def test_the_study_runs_every_config_of_the_glyphs(own):
    trained = {run.config for run in own}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / 'configs/glyphs').glob('*-600i_glyphs.py')}
    assert there == trained


def test_a_second_stage_goes_on_from_the_first_that_its_config_names(own):
    Config = pytest.importorskip('mmengine.config').Config
    for run in own:
        hooks = Config.fromfile(str(ROOT / run.config)).custom_hooks if run.seed == 0 and not run.of else []
        named = [hook.first_stage for hook in hooks if hook.type == 'FirstStageHook']
        stems = [Path(other.config).stem for other in own if other.name == run.first_stage and run.first_stage]
        assert set(named) == set(stems) or not hooks, run.label
