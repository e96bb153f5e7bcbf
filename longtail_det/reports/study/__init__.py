"""A study: what it runs, the rows and differences of its runs, and the page about them."""

from .differences import Difference
from .entries import Study
from .metafile import summaries_of_configs, with_results
from .publish import ROWS, collect, publish, stale_files
from .records import RECORD, Row, read_rows
from .scores import RESULTS, RunScores, kept_scores, score_run
from .spec import BEST, SEARCH, Run, parse_study, study_runs
from .summary import Summary, summarize

__all__ = [
    'BEST',
    'RECORD',
    'RESULTS',
    'ROWS',
    'SEARCH',
    'Difference',
    'Row',
    'Run',
    'RunScores',
    'Study',
    'Summary',
    'collect',
    'kept_scores',
    'parse_study',
    'publish',
    'read_rows',
    'score_run',
    'stale_files',
    'study_runs',
    'summaries_of_configs',
    'summarize',
    'with_results',
]
