"""The scores of the runs of a study, computed once for each.

Example:
    python -m longtail_det.cli.study_scores work_dirs/study/NAME/seed_0 --ann data/glyphs/annotations/glyphs_val.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from longtail_det.reports.study import RECORD, RESULTS, RunScores, Study, kept_scores, score_run, study_runs

from .errors import one_line_errors, user_errors


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Score the run in a folder; the step of a run after its test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--ann', required=True)
    args = parser.parse_args(argv)
    with user_errors():
        score_run(args.folder, args.ann)
    return 0


def scores_of(study: Study, jobs: int) -> dict[tuple[str, int], RunScores]:
    """Return the scores of all runs that are done and whose folders are here; those without are scored first.

    Args:
        study: the study.
        jobs: processes that score.

    Raises:
        ValueError: detections that are no results file.
    """
    runs = [run for run in study_runs(study) if not run.is_search and (run.folder / RECORD).is_file()]
    found = {(run.name, run.seed): kept_scores(run.folder) for run in runs}
    missing = [run for run in runs if found[run.name, run.seed] is None and (run.folder / RESULTS).is_file()]
    if missing:
        with ProcessPoolExecutor(jobs, mp_context=get_context('spawn')) as pool:
            waiting = [pool.submit(score_run, run.folder, study.test_ann) for run in missing]
            for one in tqdm(as_completed(waiting), total=len(waiting), desc='scores', unit='run'):
                one.result()
        found |= {(run.name, run.seed): kept_scores(run.folder) for run in missing}
    return {key: scores for key, scores in found.items() if scores is not None}


if __name__ == '__main__':
    sys.exit(main())
