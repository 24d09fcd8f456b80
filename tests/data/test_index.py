import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jiqa.data import recognise
from jiqa.databases import builder as database
from jiqa.databases import prepare
from jiqa.databases.load import load_index, load_photographs
from jiqa.errors import InputError

FACTS = database.Facts("dmos", (0.0, 100.0), False, "none", "none", "drawn", references=True)
# split -> (id, content_id, distortion, level, dmos, dmos_std)
ROWS = {
    "train": [
        ("b1", "b", "blur", 1, 25.0, 2.0),
        ("a2", "a", "blur", 2, 50.0, 3.0),
        ("é", "e", "noise", 5, 111.77, 4.0),
    ],
    "test": [("a10", "a", "noise", 4, -2.64, 1.0), ("c", "c", "noise", 3, 100.0, 0.5)],
    "reference": [("a", "a", "none", 0, np.nan, np.nan)],
}


def picture(name):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (len(name), *name.encode()[:2].ljust(2))).save(buffer, "PNG")
    return buffer.getvalue()


class Drawn(tfds.core.GeneratorBasedBuilder):
    pkg_dir_path = code_path = Path(__file__).parent  # TFDS looks for a package otherwise
    VERSION = tfds.core.Version("1.0.0")
    rows = ROWS
    sample = False

    def _info(self):
        return FACTS.info(self, sample=self.sample)

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(rows) for split, rows in self.rows.items()}

    def _generate_examples(self, rows):
        for name, content, distortion, level, score, deviation in rows:
            yield FACTS.example(
                picture(name),
                name,
                content_id=content,
                distortion=distortion,
                level=level,
                score=score,
                score_std=deviation,
            )


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Builds a database of the rows given, and loads it."""

    def made(rows, config="", read=load_index, sample=False):
        monkeypatch.setattr(Drawn, "rows", rows)
        monkeypatch.setattr(Drawn, "sample", sample)
        builder = Drawn(data_dir=tmp_path, file_format="array_record")
        builder.download_and_prepare()
        recognise.write(Path(builder.data_path), {})
        monkeypatch.setattr(
            prepare,
            "open_builder",
            lambda name, config, data_dir: tfds.builder_from_directory(builder.data_path),
        )
        return read("drawn", config=config)

    return made


def test_index_joins_the_splits_sorted_by_id(load):
    index, records = load(ROWS)
    assert len(index) == len(records) == 5
    assert index.database == "drawn"
    assert (index.score_name, index.score_range, index.higher_better) == ("dmos", (0, 100), False)
    assert index.id.tolist() == ["a10", "a2", "b1", "c", "é"]
    assert index.content_id.tolist() == ["a", "a", "b", "c", "e"]
    assert index.distortion.tolist() == ["noise", "blur", "blur", "noise", "noise"]
    assert index.level.tolist() == [4, 2, 1, 3, 5]
    assert index.official.tolist() == ["test", "train", "train", "test", "train"]
    np.testing.assert_array_equal(index.score, np.float32([-2.64, 50, 25, 100, 111.77]))
    np.testing.assert_array_equal(index.score_std, np.float32([1, 3, 2, 0.5, 4]))
    assert index.level.dtype == np.int32
    assert index.score.dtype == index.score_std.dtype == np.float32


def test_records_give_the_stored_bytes_in_another_process_too(load):
    index, records = load(ROWS)
    for reader in (records, pickle.loads(pickle.dumps(records))):
        assert [reader[row] for row in index.record] == [picture(name) for name in index.id]


def test_quality_is_higher_for_better_images_and_not_clipped(load):
    index, _ = load(ROWS)
    np.testing.assert_allclose(index.quality, [1.0264, 0.5, 0.75, 0, -0.1177], atol=1e-6)
    assert index.quality.dtype == np.float32
    np.testing.assert_allclose(index.to_score(index.quality), index.score, rtol=1e-5)
    np.testing.assert_allclose(index.to_score(np.array([[0.25]])), [[75.0]])


def test_taken_rows_keep_their_records(load):
    index, records = load(ROWS)
    part = index.take([4, 1]).take([1, 0])
    assert part.id.tolist() == ["a2", "é"]
    assert part.score.tolist() == index.score[[1, 4]].tolist()
    assert [records[row] for row in part.record] == [picture("a2"), picture("é")]
    assert (part.database, part.score_name) == ("drawn", "dmos")


def test_a_database_without_official_split(load):
    index, _ = load({"distorted": ROWS["train"], "reference": ROWS["reference"]})
    assert index.official.tolist() == [""] * 3


@pytest.mark.parametrize(("sample", "name"), [(True, "drawn/small"), (False, "drawn")])
def test_only_a_part_of_a_database_has_another_name(load, sample, name):
    index, _ = load({"distorted": ROWS["train"]}, config="small", sample=sample)
    assert index.database == name
    assert index.family == "drawn"


def test_an_id_in_two_splits_is_named(load):
    with pytest.raises(InputError, match="drawn: id c occurs twice"):
        load({"train": ROWS["test"], "test": ROWS["test"][1:]})


def test_references_alone_are_no_index(load):
    with pytest.raises(InputError, match="drawn: only pristine photographs"):
        load({"reference": ROWS["reference"]})


def test_photographs_are_the_references_sorted_by_id(load):
    pristine = [(name, name, "none", 0, np.nan, np.nan) for name in ("b", "a10", "a2")]
    ids, records = load(ROWS | {"reference": pristine}, read=load_photographs)
    assert ids.tolist() == ["a10", "a2", "b"]
    assert [records[row] for row in range(len(records))] == [picture(name) for name in ids]


def test_database_without_references_has_no_photographs(load):
    with pytest.raises(InputError, match="drawn: found the splits test, train, expected pristine"):
        load({part: ROWS[part] for part in ("train", "test")}, read=load_photographs)
