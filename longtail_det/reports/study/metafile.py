"""The results in a metafile of configs, written from the rows of a study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .records import Row
from .scores import GROUPS
from .summary import Summary, summarize

_TASKS = {'box': 'Object Detection', 'mask': 'Instance Segmentation'}
_MODEL = re.compile(r'^  - Name: .*\n(?:(?!  - ).*\n)*', re.MULTILINE)
_CONFIG = re.compile(r'^    Config: (.*)$', re.MULTILINE)
_METADATA = re.compile(r'^    Metadata:\n(?:      .*\n)+', re.MULTILINE)
_SEEDS = re.compile(r'^      Seeds: .*\n', re.MULTILINE)
_RESULTS = re.compile(r'^    Results:\n(?:      .*\n)*', re.MULTILINE)


def summaries_of_configs(rows: Iterable[Row]) -> dict[str, Summary]:
    """Return the summary of each config that was run as it stands, by its path.

    Args:
        rows: of a study; variants, which change options of a config, are left out.
    """
    plain = [row for row in rows if '+' not in row.name]
    return {summary.rows[0].config: summary for summary in summarize(plain).values()}


def with_results(text: str, results: Mapping[str, Summary], dataset: str) -> str:
    """Return a metafile with the results of a study in it; models that the study did not run stay as they are.

    Args:
        text: of a metafile.
        results: by path of the config.
        dataset: what the models were tested on.
    """

    def model(match: re.Match[str]) -> str:
        block = match[0]
        config = _CONFIG.search(block)
        summary = results.get(config[1]) if config else None
        if summary is None:
            return block
        block = _RESULTS.sub('', _SEEDS.sub('', block))
        block = _METADATA.sub(lambda facts: f'{facts[0]}      Seeds: {len(summary.rows)}\n', block, count=1)
        body = block.rstrip('\n')
        return f'{body}\n{_results(summary, dataset)}{block[len(body) + 1 :]}'

    return _MODEL.sub(model, text)


def _results(summary: Summary, dataset: str) -> str:
    lines = ['    Results:']
    for kind, task in _TASKS.items():
        means = {group: summary.mean(kind, group) for group in GROUPS}
        known = {group: ap for group, ap in means.items() if ap is not None}
        if known:
            lines += [f'      - Task: {task}', f'        Dataset: {dataset}', '        Metrics:']
            lines += [f'          {kind} AP{group}: {100 * ap:.1f}' for group, ap in known.items()]
    return '\n'.join(lines) + '\n'
