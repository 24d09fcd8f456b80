"""The record of runs, `results/runs.jsonl`: what README and docs are rendered from.

One JSON object a line, its field `kind` one of `KINDS`. Runs of any machine are added to the same
file; a record replaces the earlier one with the same `key`.
"""

from jiqa.results.record.file import KINDS, PATH, Record, add, merged, read
from jiqa.results.record.restorers import RestoredRow, RestorerRecord
from jiqa.results.record.runs import (
    REQUIRED,
    DifferenceRecord,
    Interval,
    Predicted,
    RunKey,
    RunRecord,
    Span,
    SplitRecord,
)
from jiqa.results.record.timings import TimingRecord

__all__ = [
    "KINDS",
    "PATH",
    "REQUIRED",
    "DifferenceRecord",
    "Interval",
    "Predicted",
    "Record",
    "RestoredRow",
    "RestorerRecord",
    "RunKey",
    "RunRecord",
    "Span",
    "SplitRecord",
    "TimingRecord",
    "add",
    "merged",
    "read",
]
