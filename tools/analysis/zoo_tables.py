"""Write the tables of configs/README.md and configs/*/README.md from the metafiles, configs/*/metafile.yml.

Before that, the results in the metafiles of the configs that a study ran are written from its rows (docs/study).

A table stands between the lines `<!-- zoo_tables: NAME -->` and `<!-- /zoo_tables -->`; the text around it is left
alone. NAME is `results` (of the folder's metafile), `families`, `originals` or `own` (of all metafiles).

Example:
    python tools/analysis/zoo_tables.py            # rewrite the tables
    python tools/analysis/zoo_tables.py --check    # exit code 1 and the names of the files that are out of date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from longtail_det.cli.arguments import CommandParser
from longtail_det.cli.errors import UserError, one_line_errors, user_errors
from longtail_det.reports.study import ROWS, Row, Summary, read_rows, summaries_of_configs, with_results

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
BLOCK = re.compile(r'(<!-- zoo_tables: (\w+) -->\n).*?(<!-- /zoo_tables -->)', re.DOTALL)
NO_VALUE = '-'
NOT_RUN = '*not run*'

Model = Mapping[str, Any]
Family = Mapping[str, Any]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing; say which files are out of date')
    parser.add_argument('--configs', type=Path, default=CONFIGS, help='folder of the families (default: %(default)s)')
    parser.add_argument(
        '--runs', type=Path, default=ROOT / 'docs' / 'study' / ROWS, help='rows of the study (default: %(default)s)'
    )
    return parser


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = build_parser().parse_args(argv)
    with user_errors():
        results = summaries_of_configs(read_rows(args.runs, Row))
    metafiles = {path: with_study(_read(path), results) for path in _metafiles(args.configs)}
    families = read_families(metafiles)
    texts = {path: text for path, text in metafiles.items() if text != _read(path)}
    for path in [args.configs / 'README.md', *(args.configs / name / 'README.md' for name in families)]:
        found = _read(path)
        wanted = with_tables(found, path, families)
        if wanted != found:
            texts[path] = wanted
    if args.check and texts:
        print(f'out of date: {", ".join(map(str, texts))}; run python tools/analysis/zoo_tables.py', file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(text)
    return 0


def with_study(text: str, results: Mapping[str, Summary]) -> str:
    """Return a metafile with the results of the study.

    Args:
        text: of the metafile.
        results: by path of the config.
    """
    facts = yaml.safe_load(text)['Collections'][0].get('Metadata', {})
    return with_results(text, results, facts.get('Training Data', ''))


def _metafiles(configs: Path) -> list[Path]:
    paths = sorted(configs.glob('*/metafile.yml'))
    if not paths:
        raise UserError(f'no metafile.yml in the folders of {configs}; give the folder of the configs with --configs')
    return paths


def read_families(metafiles: Mapping[Path, str]) -> dict[str, Family]:
    """Read `Collections` and `Models` of the metafile of each family, by the name of its folder.

    Args:
        metafiles: their texts.

    Raises:
        UserError: a model in one without a key that the tables need.
    """
    families = {path.parent.name: yaml.safe_load(text) for path, text in metafiles.items()}
    for path, family in zip(metafiles, families.values(), strict=True):
        for model in family['Models']:
            missing = {'Name', 'Config', 'Metadata'} - model.keys()
            missing |= {'NMS IoU', 'Score Threshold'} - model.get('Metadata', {}).keys()
            if missing:
                raise UserError(f'{path}: model {model.get("Name")} has no {sorted(missing)}; add it')
    return families


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise UserError(f'{path} not found; every folder with a metafile.yml needs one') from None


def with_tables(text: str, path: Path, families: Mapping[str, Family]) -> str:
    """Return the text of a README with the tables in it.

    Args:
        text: what the file holds.
        path: the file; its folder says whose results it shows.
        families: of `read_families`.

    Returns:
        The text with current tables.

    Raises:
        UserError: no place for a table, or one of an unknown name.
    """
    if not BLOCK.search(text):
        raise UserError(f'{path} has no table; add the lines <!-- zoo_tables: results --> and <!-- /zoo_tables -->')

    def table(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name == 'results' and path.parent.name in families:
            return begin + results_table(families[path.parent.name]['Models']) + end
        if name not in TABLES:
            known = ['results (in the folder of a family)', *TABLES]
            raise UserError(f'{path}: no table is called {name!r}; expected one of {", ".join(known)}')
        return begin + TABLES[name](families) + end

    return BLOCK.sub(table, text)


def results_table(models: Sequence[Model]) -> str:
    """One row per config: published and own results, and what they depend on."""
    header = ['config', 'NMS IoU', 'score', '*paper*', '*ours*', 'seeds']
    rows = []
    for model in models:
        facts = model['Metadata']
        published = '; '.join(f'{_ap(row)} ({row["Source"]})' for row in model.get('Published', ()))
        own: dict[str, float] = {}
        for result in model.get('Results', ()):
            own |= result['Metrics']
        rows.append(
            [
                _link(model, folder=''),
                f'{facts["NMS IoU"]}',
                f'{facts["Score Threshold"]:g}',
                published or NO_VALUE,
                _ap(own) if own else NOT_RUN,
                str(facts.get('Seeds', NO_VALUE)),
            ]
        )
    return _table(header, rows)


def families_table(families: Mapping[str, Family]) -> str:
    """One row per folder."""
    rows = []
    for folder, family in families.items():
        papers = dict.fromkeys(_paper(c['Paper']) for c in family['Collections'] if 'Paper' in c)
        rows.append([f'[{folder}]({folder}/README.md)', str(len(family['Models'])), ', '.join(papers) or NO_VALUE])
    rows.append(['all', str(sum(len(family['Models']) for family in families.values())), ''])
    return _table(['folder', 'configs', 'paper'], rows)


def _paper(paper: Mapping[str, str]) -> str:
    return f'[{paper["Title"]}]({paper["URL"]})' if 'URL' in paper else paper['Title']


def originals_table(families: Mapping[str, Family]) -> str:
    """One row per replaced experiment and config of ours that takes its place."""
    rows = [
        [original['Name'], _link(model), ', '.join(original.get('Differences', ())) or NO_VALUE]
        for model in _models(families)
        for original in model.get('Original', ())
    ]
    return _table(['original', 'ours', 'differences'], sorted(rows, key=lambda row: row[0].lower()))


def own_table(families: Mapping[str, Family]) -> str:
    """One row per config that takes no other's place."""
    return _table(['config'], [[_link(model)] for model in _models(families) if not model.get('Original')])


#: tables of all families, by name
TABLES: dict[str, Callable[[Mapping[str, Family]], str]] = {
    'families': families_table,
    'originals': originals_table,
    'own': own_table,
}


def _models(families: Mapping[str, Family]) -> Iterable[Model]:
    return (model for family in families.values() for model in family['Models'])


def _link(model: Model, folder: str | None = None) -> str:
    name = Path(model['Config']).name
    target = name if folder == '' else f'{Path(model["Config"]).parent.name}/{name}'
    return f'[{name}]({target})'


def _ap(metrics: Mapping[str, Any]) -> str:
    """Box AP (r/c/f) / mask AP (r/c/f), as far as they are known; of a result at one threshold its AP50 alone."""
    if 'box AP50' in metrics and 'box AP' not in metrics:
        return f'AP50 {_number(metrics["box AP50"])}'
    parts = []
    for kind in ('box', 'mask'):
        groups = [f'{kind} AP{group}' for group in 'rcf']
        text = _number(metrics.get(f'{kind} AP'))
        if all(group in metrics for group in groups):
            text += f' ({"/".join(_number(metrics[group]) for group in groups)})'
        parts.append(text)
    return ' / '.join(parts)


def _number(value: float | None) -> str:
    return NO_VALUE if value is None else f'{value:.1f}'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


if __name__ == '__main__':
    sys.exit(main())
