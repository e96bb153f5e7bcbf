"""Reading a work directory of mmengine: training log, test results, config."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail_det.evaluation.results import nest_results
from longtail_det.plain_config import parse_plain_config

Results = dict[str, dict[str, float]]


@dataclass(frozen=True)
class DataSource:
    """Where a config says that its data are.

    Args:
        ann_file: annotation file, joined with `data_root`.
        classes: class names in the order of the labels; None for all of the file, ordered by category id.
        img_folder: folder of the images, joined with `data_root`.
    """

    ann_file: str
    classes: tuple[str, ...] | None
    img_folder: str = ''


def read_train_log(run_dir: Path) -> list[dict[str, Any]]:
    """Read the scalars that a training logged, a resumed one spliced together.

    Args:
        run_dir: a work directory; the logs are `TIMESTAMP/vis_data/scalars.json` in it.

    Returns:
        Records in the order of training: those of the newest log, before them those of older logs from steps that
        it does not repeat. Empty where nothing was trained here.

    Raises:
        ValueError: a line that is not json, other than a last one cut short by a crash.
    """
    records: list[dict[str, Any]] = []
    for path in sorted(run_dir.glob('*/vis_data/scalars.json'), reverse=True):
        older = _json_lines(path)
        first = min((record['step'] for record in records if 'loss' in record), default=float('inf'))
        records = [record for record in older if record.get('step', 0) < first] + records
    return records


def _json_lines(path: Path) -> list[dict[str, Any]]:
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_json_object(line))
        except (ValueError, RecursionError) as error:
            if number < len(lines):
                raise ValueError(
                    f'{path}, line {number}: not json ({error}); delete the line to read the rest'
                ) from None
    return records


def _json_object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f'found a {type(found).__name__}, expected an object')
    return found


def find_results(run_dir: Path) -> tuple[Results, Path]:
    """Read the newest test results of a run, or else those of its last validation.

    Args:
        run_dir: a work directory; mmengine's test loop writes `TIMESTAMP/TIMESTAMP.json` in it.

    Returns:
        `{'bbox': {'AP': ...}, ...}` in [0, 1] and the file they are from.

    Raises:
        FileNotFoundError: neither; the message is the command that makes them.
        ValueError: a file of results that holds something else.
    """
    tests = [path for path in run_dir.glob('*/*.json') if path.stem == path.parent.name]
    for path in sorted(tests, reverse=True):
        try:
            results = nest_results(_json_object(path.read_text()))
        except (ValueError, RecursionError) as error:
            raise ValueError(f'{path} holds no metrics of a test ({error}); delete it to go on without') from None
        if results:
            return results, path
    for path in sorted(run_dir.glob('*/vis_data/scalars.json'), reverse=True):
        for record in reversed(_json_lines(path)):
            if results := nest_results(record):
                return results, path
    raise FileNotFoundError(f'no test results in {run_dir}; make them with {evaluation_command(run_dir)}')


def find_predictions(run_dir: Path) -> Path | None:
    """Return the predictions that a test left in the work directory `run_dir`; None where there are none."""
    places = (run_dir / name for name in ('results.npz', 'results.pkl', 'results.json'))
    return next((path for path in places if path.is_file()), None)


def evaluation_command(run_dir: Path) -> str:
    """Return the command that tests the run in `run_dir` and leaves its files where a report finds them."""
    config = find_config(run_dir) or 'CONFIG'
    pointer = run_dir / 'last_checkpoint'
    checkpoint = run_dir / ' '.join(pointer.read_text().split()) if pointer.is_file() else 'CHECKPOINT'
    # quoted: it is there to be pasted, and the pointer may be of a stranger
    names, out = (shlex.join(map(str, part)) for part in ([config, checkpoint], [run_dir / 'results.npz']))
    return f'python tools/test.py {names} --work-dir {shlex.quote(str(run_dir))} --eval bbox segm --out {out}'


def find_config(run_dir: Path) -> Path | None:
    """Return the newest config that mmengine dumped into the work directory `run_dir`; None where there is none."""
    dumped = [*run_dir.glob('*.py'), *run_dir.glob('*/vis_data/config.py')]
    return max(dumped, key=lambda path: path.stat().st_mtime, default=None)


def read_dumped_config(path: Path, *, trust: bool = False) -> Mapping[str, Any]:
    """Read the config at `path`, which mmengine dumped.

    Args:
        path: the file.
        trust: run it as Python where it is more than data; needs mmengine.

    Raises:
        ValueError: it is more than data, and nobody said that it can be trusted.
    """
    try:
        return parse_plain_config(path.read_text(), str(path))
    except ValueError as error:
        if not trust:
            raise ValueError(
                f'{error}; to run it as Python give --trust-config, or name the annotation files with --ann and '
                '--train-ann'
            ) from None
    from mmengine.config import Config

    config: Mapping[str, Any] = Config.fromfile(str(path), import_custom_modules=False).to_dict()
    return config


def data_source(config: Mapping[str, Any], loader: str, name: str = 'the config') -> DataSource:
    """Return the annotation file and classes of a dataloader, through wrappers such as ClassBalancedDataset.

    Args:
        config: a whole config.
        loader: 'train_dataloader' or 'test_dataloader'.
        name: file of the config, for messages.

    Raises:
        ValueError: the dataset has no single annotation file.
    """
    dataset: Any = config.get(loader)
    while isinstance(dataset, Mapping) and 'dataset' in dataset:
        dataset = dataset['dataset']
    if not isinstance(dataset, Mapping) or not dataset.get('ann_file'):
        raise ValueError(f'{name}: {loader}.dataset names no ann_file; give it on the command line')
    classes = (dataset.get('metainfo') or {}).get('classes')
    root = Path(dataset.get('data_root') or '')
    images = root / ((dataset.get('data_prefix') or {}).get('img') or '')
    return DataSource(str(root / dataset['ann_file']), None if classes is None else tuple(classes), str(images))
