"""The numbers of a study: what its page, its figures and the tables of the zoo are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from longtail_det.evaluation.diagnosis import ClassTable

from .differences import Difference
from .entries import Section, Study
from .records import Row
from .spec import Run, study_runs
from .summary import Summary, summarize


@dataclass(frozen=True)
class StudyNumbers:
    """What a page is made of.

    Args:
        study: the study.
        rows: of the runs that are done.
        differences: of the pairs that are done.
        source: path of the study's file, for the command that makes the page.
        classes: AP of each class by entry, mean over the seeds; None where it is not known.
    """

    study: Study
    rows: Sequence[Row]
    differences: Sequence[Difference]
    source: str
    classes: ClassTable | None = None

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        """Summary of each entry that has a row."""
        return summarize(self.rows)

    @cached_property
    def entries(self) -> dict[str, Run]:
        """First run of each entry with a row, in the order of the study."""
        done = {row.name for row in self.rows}
        found: dict[str, Run] = {}
        for run in study_runs(self.study):
            if run.name in done:
                found.setdefault(run.name, run)
        return found

    def of_section(self, section: Section) -> dict[str, Run]:
        """First run of each entry of a section that has a row."""
        return {name: run for name, run in self.entries.items() if run.section == section.title}

    def difference(self, name: str, baseline: str, kind: str, group: str) -> Difference | None:
        """Return a difference, None where it is not known."""
        return self._differences.get((name, baseline, kind, group))

    @cached_property
    def _differences(self) -> dict[tuple[str, str, str, str], Difference]:
        return {(d.name, d.baseline, d.metric, d.group): d for d in self.differences}
