"""The predictions table: written, read back, refused where malformed."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.results.predictions import Predictions, read_predictions, write_predictions

HEADER = "run,config_hash,database,protocol,split,id,content_id,distortion,level,mos,prediction"
ROW = "m/full,ab12,toy,official,seed0,one.png,one,jpeg,3,0.5,0.25"


def table(split="seed0", score_name="mos", **changes):
    n = 4
    values = Predictions(
        run="m/full",
        config_hash="ab12",
        database="toy",
        protocol="official",
        split=split,
        score_name=score_name,
        id=np.array(["a, b.png", 'c "d".png', "e.png", "ü.png"]),
        content_id=np.array(["x", "x", "y", "y"]),
        distortion=np.array(["jpeg", "jpeg", "authentic", "blur"]),
        level=np.arange(n),
        score=np.array([0.1, 1 / 3, -5, 111.77], np.float32).astype(np.float64),
        prediction=np.array([1e-8, 2 / 3, 3, -4e6], np.float32).astype(np.float64),
    )
    return dataclasses.replace(values, **changes)


def assert_same(a, b):
    for field in dataclasses.fields(Predictions):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name in ("score", "prediction"):
            x, y = np.float32(x), np.float32(y)
        assert np.array_equal(x, y), field.name


@pytest.mark.parametrize("score_name", ["mos", "dmos", "pseudo_mos"])
def test_what_is_written_is_read(tmp_path, score_name):
    written = [table(f"seed{i}", score_name) for i in range(2)]
    write_predictions(tmp_path / "deep" / "er" / "predictions.csv", written)
    read = read_predictions(tmp_path)
    assert len(read) == 2
    for a, b in zip(read, written, strict=True):
        assert_same(a, b)
    first = (tmp_path / "deep/er/predictions.csv").read_text(encoding="utf-8").splitlines()[0]
    assert first == HEADER.replace(",mos,", f",{score_name},")


def test_files_are_gathered_from_all_folders_and_sorted(tmp_path):
    write_predictions(tmp_path / "z" / "predictions.csv", [table("seed0")])
    write_predictions(tmp_path / "a" / "b" / "predictions.csv", [table("seed1")])
    write_predictions(tmp_path / "a" / "predictions.csv", [table("seed0", run="m/adapt")])
    (tmp_path / "metrics.csv").write_text("step,loss\n1,2\n")
    found = [(t.run, t.split) for t in read_predictions(tmp_path)]
    assert found == [("m/adapt", "seed0"), ("m/full", "seed0"), ("m/full", "seed1")]


def test_rows_come_back_sorted_by_id(tmp_path):
    lines = [ROW.replace("one.png", name) for name in ("b", "c", "a")]
    (tmp_path / "predictions.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    assert read_predictions(tmp_path)[0].id.tolist() == ["a", "b", "c"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "predictions.csv"
    write_predictions(path, [table()])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="zip"):
        write_predictions(path, [table(score=np.zeros(3))])
    assert path.read_bytes() == before


class ToyIndex(SimpleNamespace):
    def __len__(self):
        return len(self.id)


INDEX = ToyIndex(
    database="toy",
    score_name="dmos",
    id=np.array(["b", "a"]),
    content_id=np.array(["q", "p"]),
    distortion=np.array(["blur", "jpeg"]),
    level=np.array([2, 1], np.int32),
    score=np.array([20.5, 10.5], np.float32),
)
LABELS = {"run": "m", "config_hash": "0", "protocol": "official", "split": "seed0"}


def test_predictions_of_an_index_are_sorted_with_their_images():
    made = Predictions.from_index(INDEX, np.array([2.0, 1.0], np.float32), **LABELS)
    assert made.labels == ("m", "0", "toy", "official", "seed0")
    rows = zip(made.id, made.content_id, made.level, made.score, made.prediction, strict=True)
    assert list(rows) == [("a", "p", 1, 10.5, 1.0), ("b", "q", 2, 20.5, 2.0)]
    assert made.score_name == "dmos"


def test_an_index_with_bad_predictions_is_refused():
    with pytest.raises(InputError, match="nan for image 'a', expected a finite number"):
        Predictions.from_index(INDEX, np.array([1, np.nan]), **LABELS)
    with pytest.raises(InputError, match=r"shape \(3,\), expected \(2,\)"):
        Predictions.from_index(INDEX, np.zeros(3), **LABELS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header ''"),
        (HEADER.replace("mos", "score") + "\n", "header .*score,prediction', expected"),
        (f"{HEADER}\n{ROW},7\n", "row 2: 12 fields, expected 11"),
        (f"{HEADER}\n{ROW}\n\n", "row 3: 0 fields, expected 11"),
        (f"{HEADER}\n{ROW[:-5]}\n", "row 2: 10 fields, expected 11"),
        (f"{HEADER}\n{ROW.replace('0.25', 'nan')}\n", "row 2: prediction is 'nan', expected"),
        (f"{HEADER}\n{ROW.replace('0.5', 'inf')}\n", "row 2: mos is 'inf', expected"),
        (f"{HEADER}\n{ROW.replace('0.5', '')}\n", "row 2: mos is '', expected a finite"),
        (f"{HEADER}\n{ROW.replace(',3,', ',3.5,')}\n", "level is '3.5', expected an integer"),
        (f"{HEADER}\n{ROW.replace('one.png', '')}\n", "row 2: id is empty"),
        (f"{HEADER}\n{ROW}\n{ROW}\n", "row 3: image 'one.png' is there twice"),
        (f'{HEADER}\n"{ROW}\n', "not a CSV file"),
    ],
)
def test_a_malformed_file_is_one_line_that_names_it(tmp_path, text, says):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as error:
        read_predictions(tmp_path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "predictions.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a CSV file in UTF-8"):
        read_predictions(tmp_path)


def test_a_split_found_twice_is_refused(tmp_path):
    for folder in ("a", "b"):
        write_predictions(tmp_path / folder / "predictions.csv", [table()])
    with pytest.raises(InputError, match=r"b/predictions.csv: split 'seed0' of run 'm/full'.*a/"):
        read_predictions(tmp_path)


def test_no_folder_and_an_empty_folder(tmp_path):
    assert read_predictions(tmp_path) == []
    with pytest.raises(InputError, match="no such folder"):
        read_predictions(tmp_path / "absent")
