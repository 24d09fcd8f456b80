"""Databases are prepared whole or not at all, by the function and by the command."""

import dataclasses
import importlib
import threading
from pathlib import Path

import pytest

from jiqa.cli import main
from jiqa.databases import prepare as databases
from jiqa.databases.prepare import data_root, open_builder, prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.biq2021 import biq2021_dataset_builder as biq2021
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket

FIELDS = ["licence", "terms", "page", "get it", "prepared"]


@pytest.fixture
def release(tmp_path):
    return testing.write_biq2021(tmp_path / "release")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_prepared_database_is_left_as_it_is(release, data):
    folder = prepare("biq2021", config="sample", manual_dir=release, data_dir=data)
    before = _files(data)
    assert folder == data / "biq2021" / "sample" / "1.0.0"
    assert prepare("biq2021", config="sample", manual_dir="/nowhere", data_dir=data) == folder
    with pytest.raises(InputError, match="expected 10000"):
        prepare("biq2021", manual_dir=release, data_dir=data)
    assert _files(data) == before


def test_what_a_killed_process_left_is_no_database(release, data):
    left = data / ".biq2021.unfinished" / "biq2021" / "sample" / "1.0.0"
    left.mkdir(parents=True)
    (left / "biq2021-train.array_record-00000-of-00001").write_bytes(b"half")
    with pytest.raises(InputError, match="not prepared"):
        open_builder("biq2021", "sample", data)
    prepare("biq2021", config="sample", manual_dir=release, data_dir=data)
    assert open_builder("biq2021", "sample", data).info.splits["train"].num_examples == 3
    assert sorted(path.name for path in data.iterdir()) == [".biq2021.lock", "biq2021"]


def test_two_at_once_build_it_once(release, data, monkeypatch):
    builds = []
    build = databases._build
    monkeypatch.setattr(databases, "_build", lambda *args: (builds.append(args), build(*args)))
    both = [
        threading.Thread(
            target=prepare,
            args=("biq2021",),
            kwargs={"config": "sample", "manual_dir": release, "data_dir": data},
        )
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(builds) == 1
    assert open_builder("biq2021", "sample", data).info.splits["test"].num_examples == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "biq",
            {},
            "database: found 'biq', expected one of agiqa1k, auxiliary, biq2021, csiq, kadid10k, ",
        ),
        ("biq2021", {"config": "half"}, "found config 'half', expected one of full, sample"),
        ("pocket", {"config": "half"}, "pocket: found config 'half', expected none"),
        ("biq2021", {"manual_dir": "nowhere"}, "nowhere: expected a folder with a release of biq"),
        ("biq2021", {"manual_dir": "empty"}, "empty: expected a folder with a release"),
        ("pocket", {"manual_dir": "empty"}, "pocket needs no files, expected no folder"),
    ],
)
def test_bad_argument_is_named(name, options, message, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(InputError, match=message):
        prepare(name, data_dir=data, **options)
    assert not data.exists()


def test_folder_that_cannot_be_written_is_named(release, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"biq2021: cannot be prepared in {tmp_path / 'file'}"):
        prepare("biq2021", manual_dir=release, data_dir=tmp_path / "file")


def test_data_root_is_the_argument_then_the_environment_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JIQA_DATA_DIR", "~/elsewhere")
    assert data_root("/here") == Path("/here")
    assert data_root() == tmp_path / "elsewhere"
    monkeypatch.delenv("JIQA_DATA_DIR")
    assert data_root() == tmp_path / ".cache" / "jiqa" / "databases"


def test_unprepared_database_tells_the_command(data):
    with pytest.raises(InputError) as error:
        open_builder("biq2021", "sample", data)
    command = f"jiqa prepare biq2021 --config=sample --data_dir={data}"
    assert f"`{command}`" in str(error.value)


def test_pocket_is_made_at_first_use(data, monkeypatch):
    monkeypatch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[4:5])
    jpeg = {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}}
    monkeypatch.setattr(pocket, "FAMILIES", jpeg)
    splits = open_builder("pocket", data_dir=data).info.splits
    assert {name: split.num_examples for name, split in splits.items()} == {
        "distorted": 45,
        "reference": 9,
    }


def test_command_prepares_and_is_quiet_without_a_terminal(release, data, capfd):
    arguments = ["biq2021", "--config=sample", f"--manual_dir={release}", f"--data_dir={data}"]
    for _ in range(2):
        assert main.main(["prepare", *arguments]) == 0
        out, err = capfd.readouterr()
        folder = data / "biq2021" / "sample" / "1.0.0"
        assert out == f"biq2021/sample/1.0.0: 3 train, 2 test, scored by mos; {folder}\n"
        assert err == ""


def test_command_tells_an_error_in_a_line(release, data, capfd):
    assert main.main(["prepare", "biq2021", f"--manual_dir={release}", f"--data_dir={data}"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("jiqa: error: ")
    assert err.count("\n") == 1


@pytest.fixture
def fetched(release, monkeypatch):
    """A download of `release`: its archive is kept, and counted."""
    calls = []

    def fake(archives, kept, folder):
        calls.append(archives)
        kept.mkdir(exist_ok=True)
        (kept / "main.zip").touch()
        return release

    monkeypatch.setattr(databases.download, "release", fake)
    return calls


def test_download_outlives_a_release_that_is_refused(fetched, data, monkeypatch):
    with pytest.raises(InputError, match="expected 10000"):
        prepare("biq2021", data_dir=data)
    assert sorted(_files(data)) == [
        str(data / ".biq2021.downloads" / "main.zip"),
        str(data / ".biq2021.lock"),
    ]
    facts = dataclasses.replace(biq2021.FACTS, counts={"train": 3, "test": 2}, extremes=None)
    monkeypatch.setattr(biq2021.Builder, "facts", facts)
    prepare("biq2021", data_dir=data)
    assert fetched == [biq2021.FACTS.archives] * 2
    assert sorted(path.name for path in data.iterdir()) == [".biq2021.lock", "biq2021"]


def test_release_at_hand_is_not_downloaded(fetched, release, data):
    prepare("biq2021", config="sample", manual_dir=release, data_dir=data)
    assert fetched == []


def test_database_that_is_not_downloaded_tells_how_to_get_it(fetched, data, capfd):
    assert main.main(["prepare", "livec", f"--data_dir={data}"]) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("jiqa: error: livec: expected --manual_dir=DIR with the release: ")
    assert "https://live.ece.utexas.edu/research/ChallengeDB/" in error
    assert "ChallengeDB_release.zip" in error
    with pytest.raises(InputError, match="biq2021/sample: expected --manual_dir=DIR with a part"):
        prepare("biq2021", config="sample", data_dir=data)
    assert fetched == []
    assert not data.exists()


def test_command_lists_every_database(release, data, capsys):
    prepare("biq2021", config="sample", manual_dir=release, data_dir=data)
    assert main.main(["prepare", "--list", f"--data_dir={data}"]) == 0
    entries = capsys.readouterr().out.split("\n\n")
    assert [entry.partition(":")[0] for entry in entries] == list(databases.DATABASES)
    for name, entry in zip(databases.DATABASES, entries, strict=True):
        lines = entry.strip("\n").split("\n")
        assert all(len(line) <= 100 or len(line.split()) == 1 for line in lines)
        labels = [line[4:14].strip() for line in lines[1:]]
        assert [label for label in labels if label] == FIELDS
        prepared = f"sample in {data / name}" if name == "biq2021" else "no"
        assert "".join(entry.split()).endswith("".join(f"prepared {prepared}".split()))
    of = dict(zip(databases.DATABASES, entries, strict=True))
    assert "`jiqa prepare kadid10k` downloads" in of["kadid10k"]
    assert "https://datasets.vqa.mmsp-kn.de/archives/kadid10k.zip" in of["kadid10k"]
    assert "fill in the form" in of["livec"]


def test_every_database_is_downloaded_or_says_how_to_get_it():
    """And no folder of a builder is left out of the table."""
    folder = Path(testing.__file__).parent
    assert list(databases.DATABASES) == sorted(path.parent.name for path in folder.glob("*/*.bib"))
    for name, module in databases.DATABASES.items():
        builder = importlib.import_module(module).Builder
        assert builder.name == name
        assert bool(builder.facts.get) + bool(builder.facts.archives) == (name != "pocket")
        assert all(archive.url.startswith("https://") for archive in builder.facts.archives)


@pytest.mark.parametrize("arguments", [["prepare"], ["prepare", "pocket", "--list"], []])
def test_command_without_sense_is_refused(arguments):
    with pytest.raises(SystemExit) as exit:
        main.main(arguments)
    assert exit.value.code == 2
