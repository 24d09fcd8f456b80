"""The record of runs: lines read strictly, replaced by key, written whole; figures by hand."""

import dataclasses
import json

import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.results import record

TOTAL = {name: {"value": 0.5, "low": 0.25, "high": 0.75} for name in record.REQUIRED}
RUN = {
    "kind": "run",
    "run": "ridge",
    "database": "koniq10k",
    "score_name": "mos",
    "protocol": "official",
    "command": "python -m x",
    "machine": "2 x cpu",
    "aggregate": "median",
    "splits": [{"name": "seed0", "seed": 0, "test_images": 2, "steps": 10}],
    "total": TOTAL,
    "seconds": {"low": 60, "high": 90.5},
}
KEY = {name: RUN[name] for name in ("run", "database", "score_name", "protocol")}
KEY |= {name: RUN[name] for name in ("command", "machine")}
OTHER = {**KEY, "run": "other"}
DIFFERENCE = {
    "kind": "difference",
    "first": OTHER,
    "second": KEY,
    "value": 0.1,
    "low": -0.1,
    "high": 0.3,
}
RESTORER = {
    "kind": "restorer",
    "command": "python -m x",
    "stage": "restore",
    "multitask": True,
    "updates": 7,
    "rows": [
        {
            "distortion": "all",
            "pairs": 2,
            "psnr": 20.5,
            "restored_psnr": 21.5,
            "ssim": 0.5,
            "restored_ssim": None,
        }
    ],
}
TIMING = {
    "kind": "timing",
    "metric": "ssim",
    "batch": 4,
    "height": 32,
    "width": 40,
    "machine": "1 x cpu, 2 cores",
    "versions": {"jax": "0.10"},
    "ms": 4.0,
    "images_per_s": 1000.0,
    "first_s": 1.5,
    "peak_mb": 10,
    "checked": False,
}
ALL = [RUN, {**RUN, "run": "other"}, DIFFERENCE, RESTORER, TIMING]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "runs.jsonl", ALL)


def test_every_kind_is_read_into_its_class(path):
    run, other, difference, restorer, timing = record.read(path)
    assert (run.run, run.seconds, run.splits[0].steps) == ("ridge", record.Span(60.0, 90.5), 10)
    assert run.total["srocc"] == record.Interval(0.5, 0.25, 0.75)
    assert (difference.first, difference.second) == (other.names, run.names)
    assert (restorer.rows[0].psnr, restorer.rows[0].restored_ssim) == (20.5, None)
    assert (timing.versions, timing.peak_mb, timing.peer) == ({"jax": "0.10"}, 10.0, None)


def test_what_is_written_is_read_again(path, tmp_path):
    records = record.read(path)
    record.add(tmp_path / "deeper" / "again.jsonl", records)
    assert record.read(tmp_path / "deeper" / "again.jsonl") == records


def test_predictions_have_the_images_of_the_record(tmp_path):
    kept = {"id": ["a", "b\u2028"], "score": [1, 2.5], "prediction": [1.25, 2]}
    line = {**RUN, "splits": [{**RUN["splits"][0], "predictions": kept}]}
    (found,) = record.add(tmp_path / "b", record.read(write(tmp_path / "a", [line])))
    assert record.read(tmp_path / "b") == [found]
    (table,) = found.tables()
    assert table.id.tolist() == ["a", "b\u2028"]
    assert table.score.tolist() == [1.0, 2.5]
    assert table.prediction.tolist() == [1.25, 2.0]
    assert table.labels == ("ridge", "", "koniq10k", "official", "seed0")


def test_without_predictions_of_a_split_there_are_none(path):
    assert record.read(path)[0].tables() == []


def test_a_record_replaces_the_one_with_its_key_in_its_place(path):
    run, *rest = record.read(path)
    timing = rest.pop()
    slower = dataclasses.replace(timing, ms=5.0, date="2026-01-01")
    elsewhere = dataclasses.replace(timing, machine="1 x gpu")
    found = record.add(path, [slower, elsewhere])
    assert found == [run, *rest, slower, elsewhere]
    assert record.read(path) == found


def test_a_run_of_another_machine_stays(path):
    run = record.read(path)[0]
    again = dataclasses.replace(run, machine="8 x tpu")
    assert record.add(path, [again]) == [*record.read(path)[:-1], again]


def test_differences_of_a_run_made_again_are_dropped(path):
    run, other, _, *rest = record.read(path)
    assert record.add(path, [dataclasses.replace(run, epochs=3.0)]) == [
        dataclasses.replace(run, epochs=3.0),
        other,
        *rest,
    ]


def test_what_is_not_finite_is_null(tmp_path):
    run = record.read(write(tmp_path / "a", [RUN]))[0]
    total = {**run.total, "srocc": record.Interval(float("nan"), None, float("inf"))}
    record.add(tmp_path / "b", [dataclasses.replace(run, total=total)])
    found = record.read(tmp_path / "b")[0].total["srocc"]
    assert found == record.Interval(None, None, None)
    assert np.isnan(found.figure).all()


def without(line, name):
    return {key: value for key, value in line.items() if key != name}


SPLIT = RUN["splits"][0]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([RUN, "text"], r'runs.jsonl, line 2: found "text", expected a JSON object'),
        ([{**RUN, "kind": "walk"}], "line 1: kind: found 'walk', expected run, difference, rest"),
        ([without(RUN, "kind")], "line 1: kind: found None, expected run"),
        ([without(RUN, "machine")], "line 1: machine: found nothing, expected a value"),
        ([{**RUN, "speed": 1}], "line 1: speed: unknown, expected run, database"),
        ([{**RUN, "run": 3}], "line 1: run: found 3, expected a text"),
        ([{**RUN, "seconds": 3}], "line 1: seconds: found 3, expected an object with low, high"),
        ([{**RUN, "seconds": {"low": 1, "high": "2"}}], 'seconds.high: found "2", expected a num'),
        ([{**RUN, "seconds": {"low": 1, "high": True}}], "seconds.high: found true, expected a nu"),
        ([{**RUN, "splits": []}], "line 1: splits: found none, expected at least one"),
        ([{**RUN, "splits": {}}], "line 1: splits: found {}, expected a list"),
        (
            [{**RUN, "splits": [{**SPLIT, "seed": 0.5}]}],
            r"splits\[0\].seed: found 0.5, expected a w",
        ),
        ([{**RUN, "splits": [SPLIT, without(SPLIT, "name")]}], r"splits\[1\].name: found nothing"),
        (
            [
                {
                    **RUN,
                    "splits": [
                        {**SPLIT, "predictions": {"id": ["a"], "score": [], "prediction": [1]}}
                    ],
                }
            ],
            r"splits\[0\].predictions.score: found \[1, 0, 1\] ids, scores, predictions",
        ),
        (
            [
                {
                    **RUN,
                    "splits": [
                        {**SPLIT, "predictions": {"id": ["a"], "score": [1], "prediction": [1]}}
                    ],
                }
            ],
            r"splits\[0\].predictions: found 1, expected 2",
        ),
        ([{**RUN, "aggregate": "mode"}], "aggregate: found 'mode', expected one of median, mean"),
        ([{**RUN, "score_name": "score"}], "score_name: found 'score', expected one of mos, dmos"),
        ([{**RUN, "total": without(TOTAL, "krcc")}], "total: found no krcc, expected srocc"),
        ([{**RUN, "total": {**TOTAL, "r2": TOTAL["krcc"]}}], "total: found 'r2', expected one of"),
        (
            [{**RUN, "total": {**TOTAL, "krcc": {}}}],
            "total.krcc.value: found nothing, expected a va",
        ),
        ([TIMING, RUN, TIMING], "line 3: same timing as line 1"),
        ([{**TIMING, "peer": "piq ssim"}], "line 1: peer: found part of peer, peer_ms"),
        ([{**TIMING, "checked": 1}], "line 1: checked: found 1, expected true or false"),
        ([{**TIMING, "versions": {"jax": 1}}], "versions.jax: found 1, expected a text"),
        ([RUN, DIFFERENCE], "line 2: first: no such run in the file"),
        ([{**RESTORER, "rows": [3]}], r"rows\[0\]: found 3, expected an object with distortion"),
    ],
)
def test_a_malformed_line_is_named_with_its_field(tmp_path, lines, says):
    path = write(tmp_path / "runs.jsonl", lines)
    with pytest.raises(InputError, match=says) as found:
        record.read(path)
    assert "\n" not in str(found.value)
    before = path.read_text()
    with pytest.raises(InputError, match=says):
        record.add(path, [])
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{\n", "line 1: not a line of JSON"),
        ("\n", "line 1: not a line of JSON"),
        (json.dumps(RUN) + "\n\n", "line 2: not a line of JSON"),
        (json.dumps(RUN).replace("90.5", "NaN"), "line 1: not a line of JSON: found NaN"),
        (
            json.dumps(RUN).replace("90.5", "1e999"),
            "seconds.high: found Infinity, expected a number",
        ),
        ("[" * 100_000, "line 1: not a line of JSON"),
    ],
)
def test_what_is_no_json_is_named(tmp_path, text, says):
    (tmp_path / "runs.jsonl").write_text(text)
    with pytest.raises(InputError, match=says):
        record.read(tmp_path / "runs.jsonl")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"record .*none.jsonl: No such file"):
        record.read(tmp_path / "none.jsonl")


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "runs.jsonl").write_text("")
    assert record.read(tmp_path / "runs.jsonl") == []
