"""The page of a study as markdown, and its short form for a README: everything in them comes from the CSV files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .differences import Difference
from .figures import StudyFigure
from .numbers import StudyNumbers
from .scores import GROUPS
from .spec import Run, study_runs
from .summary import ap_text, spread_text

_BLOCK = re.compile(r'(<!-- study -->\n).*?(<!-- /study -->)', re.DOTALL)
_INTERVAL_TEXT = (
    'An interval holds 95 % of 1000 bootstrap resamples of the tested images and of the seeds, the same ones for both '
    'methods; in bold what excludes zero. That of a single seed speaks of other images alone.'
)


def study_page(numbers: StudyNumbers, figures: Sequence[StudyFigure]) -> str:
    """Return the page of a study.

    Args:
        numbers: from the CSV files.
        figures: in the order of the page.
    """
    study = numbers.study
    parts = [
        f'# {study.title}',
        f'Written by `longtail-det study {numbers.source}` from [runs.csv](runs.csv), '
        '[differences.csv](differences.csv) and [classes.csv](classes.csv). Do not edit it.',
        '\n'.join(f'- {fact}' for fact in _facts(numbers)),
        f'AP in percent, mean over the seeds; sd: their standard deviation. step: processor time of a training step, '
        f'that of `{study.baseline}` is 1. {_INTERVAL_TEXT}',
    ]
    for section in study.sections:
        names = numbers.of_section(section)
        if names:
            parts += [f'## {section.title}', *filter(None, [section.text]), _results(numbers, names)]
    parts.append('## Paired differences')
    for kind in ('box', 'mask'):
        parts.append(_differences(numbers, kind))
    for figure in figures:
        parts += [f'## {figure.headline}', f'![{figure.headline}]({figure.file})', figure.caption]
    return '\n\n'.join(parts) + '\n'


def _facts(numbers: StudyNumbers) -> list[str]:
    rows, study = numbers.rows, numbers.study
    wanted = sum(not run.is_search for run in study_runs(study))
    trained = [row for row in rows if not row.of]
    hours = sum(row.train_cpu_s or 0 for row in trained) / 3600
    facts = [
        f'{len(rows)} of {wanted} runs are done: {len(trained)} trainings, {len(rows) - len(trained)} tests of them'
    ]
    facts.append(f'trainings: {hours:.1f} hours of processor time, seeds {_listed(row.seed for row in trained)}')
    facts.append(f'trained on `{study.train_ann}`, tested on `{study.test_ann}`')
    for name in ('versions', 'machine', 'commit'):
        facts.append(f'{name}: {_listed(getattr(row, name) for row in rows)}')
    return facts


def _listed(values: Iterable[object]) -> str:
    return '; '.join(dict.fromkeys(str(value) for value in values if value != '')) or '-'


def _results(numbers: StudyNumbers, names: Mapping[str, Run]) -> str:
    base, baseline = _base_cost(numbers), numbers.study.baseline
    titles = {name: run.title for name, run in numbers.entries.items()}
    minus = f'box APr - {titles.get(baseline, baseline)}'
    head = [
        'method',
        'seeds',
        'box AP (r/c/f)',
        'sd',
        'mask AP (r/c/f)',
        'sd',
        minus,
        'box APr - own baseline',
        'step',
        'entry',
    ]
    rows = []
    for name, run in names.items():
        summary = numbers.summaries[name]
        cost = summary.step_cost()
        own = numbers.difference(name, run.baseline, 'box', 'r') if run.baseline != baseline else None
        rows.append(
            [
                run.title,
                str(len(summary.rows)),
                ap_text(summary, 'box'),
                spread_text(summary, 'box'),
                ap_text(summary, 'mask'),
                spread_text(summary, 'mask'),
                difference_text(numbers.difference(name, baseline, 'box', 'r')),
                f'{difference_text(own)} ({titles[run.baseline]})' if own else '-',
                f'{cost / base:.2f}' if cost and base else '-',
                f'`{name}`',
            ]
        )
    return markdown_table(head, rows)


def _base_cost(numbers: StudyNumbers) -> float | None:
    summary = numbers.summaries.get(numbers.study.baseline)
    return summary.step_cost() if summary else None


def _differences(numbers: StudyNumbers, kind: str) -> str:
    head = [f'{kind} AP', 'minus', *(f'AP{group}' for group in GROUPS)]
    titles = {name: run.title for name, run in numbers.entries.items()}
    rows = []
    for name, baseline in dict.fromkeys((d.name, d.baseline) for d in numbers.differences if d.metric == kind):
        cells = [difference_text(numbers.difference(name, baseline, kind, group)) for group in GROUPS]
        rows.append([titles.get(name, name), titles.get(baseline, baseline), *cells])
    return markdown_table(head, rows)


def difference_text(difference: Difference | None) -> str:
    """Return a difference with its interval in points, in bold where it excludes zero.

    Args:
        difference: AP in [0, 1].
    """
    if difference is None:
        return '-'
    text = f'{100 * difference.difference:+.1f} [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]'
    return text if difference.interval.holds_zero else f'**{text}**'


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown.

    Args:
        head: names of the columns.
        rows: cells.
    """
    return '\n'.join(f'| {" | ".join(line)} |' for line in [head, ['---'] * len(head), *rows])


def readme_block(numbers: StudyNumbers, figure: str, page: str) -> str:
    """Return the short form for a README: the first section, best box AP of rare classes first, and its figure.

    Args:
        numbers: from the CSV files.
        figure: path of the figure from the README.
        page: path of the page from the README.
    """
    study = numbers.study
    names = numbers.of_section(study.sections[0])
    order = sorted(names, key=lambda name: -(numbers.summaries[name].mean('box', 'r') or 0.0))
    head = ['method', 'seeds', 'box AP (r/c/f)', 'mask AP (r/c/f)', 'box APr - softmax CE']
    head[-1] = f'box APr - {names[study.baseline].title}' if study.baseline in names else head[-1]
    rows = [
        [
            names[name].title,
            str(len(numbers.summaries[name].rows)),
            ap_text(numbers.summaries[name], 'box'),
            ap_text(numbers.summaries[name], 'mask'),
            difference_text(numbers.difference(name, study.baseline, 'box', 'r')),
        ]
        for name in order
    ]
    return (
        f'![Differences of box AP with their intervals]({figure})\n\n{markdown_table(head, rows)}\n\n'
        f'Mean over the seeds; differences with their 95 % interval (bootstrap over images and seeds, paired), in bold '
        f'what excludes zero. Made by `longtail-det study {numbers.source}`; all tables: [{page}]({page}).\n'
    )


def with_block(text: str, block: str, path: str) -> str:
    """Return the text of a README with the block of the study in it.

    Args:
        text: what the file holds.
        block: from `readme_block`.
        path: of the file, for messages.

    Raises:
        ValueError: the file has no place for it.
    """
    if not _BLOCK.search(text):
        raise ValueError(f'{path} has no place for the study; add the lines <!-- study --> and <!-- /study -->')
    return _BLOCK.sub(lambda match: match[1] + block + match[2], text)
