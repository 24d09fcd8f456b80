"""A content is known by its images, whatever they are called: in splits, and before training."""

import csv
import dataclasses
import io
import json
import types
from unittest import mock

import jax
import numpy as np
import pytest
from PIL import Image

from jiqa.configs import measure as config
from jiqa.data import recognise
from jiqa.data.contents import twins
from jiqa.data.pipeline import Streamed
from jiqa.data.protocols import Protocol, refuse_leak
from jiqa.databases import photographs
from jiqa.databases.load import load_index
from jiqa.databases.prepare import prepare
from jiqa.errors import InputError
from jiqa.experiment import run as experiment
from jiqa.results.predictions import read_predictions
from jiqa.tfds_builders import testing
from jiqa.train import mesh
from jiqa.train.predict import predict_test


def name(number):
    return f"ss01 ({number}).jpg"


def mirrored(path):
    stream = io.BytesIO()
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def biq(tmp_path):
    """The data folder of 7 training and 3 test images: 8 has the pixels of 1, 9 mirrors 2.

    Of the training images 7 has the pixels of 6.
    """
    release = testing.write_biq2021(tmp_path / "release", train=7, test=3)
    images = release / "Images"
    for copy, first in ((8, 1), (7, 6)):
        (images / name(copy)).write_bytes((images / name(first)).read_bytes())
    (images / name(9)).write_bytes(mirrored(images / name(2)))
    prepare("biq2021", config="sample", manual_dir=release, data_dir=tmp_path / "data")
    return tmp_path / "data"


def load(data, **changes):
    index, records = load_index("biq2021", config="sample", data_dir=data)
    return dataclasses.replace(index, **changes), records


def test_prepare_lists_the_duplicates(biq, capfd):
    folder = biq / "biq2021" / "sample" / "1.0.0"
    with (folder / recognise.DUPLICATES).open() as file:
        found = {
            (row["kind"], row["id"], row["split"], row["twin"]) for row in csv.DictReader(file)
        }
    # Rows go by split and stored order: which of two is the first is not said.
    pairs = {(kind, frozenset((first, second))) for kind, first, _, second in found}
    assert pairs == {
        ("pixels", frozenset((name(8), name(1)))),
        ("pixels", frozenset((name(6), name(7)))),
        ("looks", frozenset((name(9), name(2)))),
    }
    (folder / recognise.FILE).unlink()
    prepare("biq2021", config="sample", data_dir=biq)
    said = capfd.readouterr().err
    assert said.endswith(
        f"jiqa: found 2 pairs of the same pixels and 1 of the same looks: "
        f"{folder / recognise.DUPLICATES}\n"
    )


def test_images_of_the_same_pixels_or_looks_are_never_apart(biq):
    index, _ = load(biq)
    groups = [(1, 8), (2, 9), (6, 7)]
    rows = [[index.id.tolist().index(name(number)) for number in group] for group in groups]
    for split in Protocol(n=40, test=0.3, val=0.3).splits(index):
        for part in (split.train, split.val, split.test):
            for pair in rows:
                assert len(set(pair) & set(part.tolist())) in (0, 2)
    assert len(np.unique(index.content_id)) == 7
    assert index.content_id[rows[0][1]] == name(1)


def test_official_parts_are_kept_and_their_twins_counted(biq):
    index, _ = load(biq)
    (split,) = Protocol(kind="official", val=0.2).splits(index)
    assert set(index.id[split.test]) == {name(number) for number in (8, 9, 10)}
    assert len(split.train) + len(split.val) == 7
    assert sorted(index.id[split.twins]) == [name(8), name(9)]
    refuse_leak(split.seen, index.take(split.test))
    together = [index.id.tolist().index(name(number)) for number in (6, 7)]
    assert len(set(together) & set(split.val.tolist())) in (0, 2)


def test_one_photograph_under_two_names_is_one_content(tmp_path):
    """As KADID-10k's with a reference that is there twice, under two names."""
    release, data = tmp_path / "release", tmp_path / "data"
    rows = []
    for number in range(1, 9):
        stem = f"I{number:02}"
        testing.write_picture(release / "images" / f"{stem}.png", number)
        for level in (1, 2):
            testing.write_picture(release / f"images/{stem}_01_0{level}.png", 10 * number + level)
            rows.append(f"{stem}_01_0{level}.png,{stem}.png,{5 - level},0.5")
    images = release / "images"
    (images / "I08.png").write_bytes((images / "I03.png").read_bytes())
    (release / "dmos.csv").write_text("\n".join(["dist_img,ref_img,dmos,var", *rows]) + "\n")
    prepare("kadid10k", config="sample", manual_dir=release, data_dir=data)
    index, _ = load_index("kadid10k", config="sample", data_dir=data)
    assert sorted(set(index.content_id)) == [f"i{number:02}.png" for number in range(1, 8)]
    pair = [row for row in range(len(index)) if index.id[row][:3] in ("I03", "I08")]
    assert len(pair) == 4
    for split in Protocol(n=20, test=0.2, val=0.2).splits(index):
        for part in (split.train, split.val, split.test):
            assert len(set(pair) & set(part.tolist())) in (0, 4)


def test_images_of_one_content_are_no_duplicates(biq):
    index, _ = load(biq)
    known = index.contents
    assert len(twins(known)) == 3
    assert not twins(dataclasses.replace(known, named=known.merged))
    assert not twins(dataclasses.replace(known, named=np.full(len(known), "one")))


def test_what_was_prepared_before_tells_to_prepare_again(biq):
    folder = biq / "biq2021" / "sample" / "1.0.0"
    stored = (folder / recognise.FILE).read_bytes()
    (folder / recognise.FILE).unlink()
    command = f"jiqa prepare biq2021 --config=sample --data_dir={biq}"
    with pytest.raises(
        InputError, match=rf"^biq2021: found no contents.npz .*`{command}`"
    ) as error:
        load(biq)
    assert "\n" not in str(error.value)
    assert prepare("biq2021", config="sample", data_dir=biq) == folder  # without the release
    before = np.load(io.BytesIO(stored))
    after = np.load(io.BytesIO((folder / recognise.FILE).read_bytes()))
    assert set(before) == set(after)
    for column in before:
        np.testing.assert_array_equal(before[column], after[column])


def test_another_database_s_images_are_compared_before_training(biq):
    trained, _ = load(biq)
    other = dataclasses.replace(trained, database="other", family="other")
    rows = [other.id.tolist().index(name(number)) for number in (8, 9, 10)]
    learned = trained.take(np.flatnonzero(trained.official == "train"))
    seen = frozenset(learned.content_hash.tolist())
    for row, pixels in ((rows[0], True), (rows[1], False)):
        first = rf"looks like ss01 \({1 if pixels else 2}\)\.jpg of biq2021/sample"
        said = rf"^other: ss01 \([89]\)\.jpg, to be tested on, {first}"
        with pytest.raises(InputError, match=said) as error:
            refuse_leak(seen, other.take([row]), learned)
        assert ("pixel for pixel" in str(error.value)) == pixels
        refuse_leak(seen, other.take([row]))  # names alone say nothing
    refuse_leak(seen, other.take(rows[2:]), learned)


def test_photographs_that_are_test_images_are_refused(biq, tmp_path):
    """BIQ2021 has no references: its test images themselves are compared."""
    index, records = load(biq)
    folder = tmp_path / "photographs"
    testing.write_picture(folder / "other.png", 99)
    row = index.id.tolist().index(name(10))
    tested = index.take([row])
    photographs.refuse_shared(photographs.load(str(folder)), "biq2021", "biq2021", tested.shown)
    (folder / "mine.png").write_bytes(records[index.record[row]])
    found = photographs.load(str(folder))
    with pytest.raises(
        InputError, match=r"found mine in .* looks like ss01 \(10\)\.jpg of biq2021"
    ):
        photographs.refuse_shared(found, "biq2021", "biq2021", tested.shown)
    rest = index.take(np.delete(np.arange(len(index)), row))
    photographs.refuse_shared(found, "biq2021", "biq2021", rest.shown)


def test_nothing_is_predicted_of_what_was_seen(biq):
    index, _ = load(biq)
    data, asked = types.SimpleNamespace(index=index), []

    def predict(_, rows):
        asked.append(rows.tolist())
        return np.zeros(len(rows))

    (split,) = Protocol(test=0.3, val=0.3).splits(index)
    for row in (split.train[-1], split.val[0]):
        with pytest.raises(InputError, match="was trained on and is to be tested on"):
            predict_test(predict, data, np.append(split.test, row), split.seen)
    assert asked == []
    assert not predict_test(predict, data, split.test, split.seen).any()
    assert asked == [split.test.tolist()]


def run(workdir, text, **databases):
    """A run of a measure on one device, on databases that are loaded already, by their names."""
    find = mock.patch.object(
        experiment, "load_index", side_effect=lambda name, **_: databases[name]
    )
    with find:
        return experiment.run(
            config.get_config(text), str(workdir), mesh=mesh.make(jax.devices()[:1])
        )


def test_a_run_tells_its_twins_and_what_it_is_without_them(biq, tmp_path, capsys):
    folder = run(
        tmp_path / "run", "metric=piqe,dataset=biq2021,protocol=official", biq2021=load(biq)
    )
    said = capsys.readouterr().out
    assert "2 of the 3 official test images have a twin among the other parts" in said
    (table,) = read_predictions(folder)
    assert table.id[table.twin].tolist() == [name(8), name(9)]
    assert json.loads((folder / "seed0" / "split.json").read_text())["twins"] == 2
    assert "Without the 2 of 3 test images of seed0 that have a twin in the training" in said


def test_a_test_on_another_database_s_images_is_refused_before_any_work(biq, tmp_path):
    index, records = load(biq)
    other = dataclasses.replace(
        index.take(index.official == "test"), database="livec", family="livec"
    )
    databases = {"biq2021": (index, records), "livec": (other, records)}
    with (
        mock.patch.object(Streamed, "load", side_effect=AssertionError),
        pytest.raises(InputError, match=r"^livec: ss01 .* looks like .* of biq2021/sample, to be"),
    ):
        run(tmp_path / "run", "metric=piqe,dataset=biq2021,cross=livec", **databases)
    assert not (tmp_path / "run").exists()
