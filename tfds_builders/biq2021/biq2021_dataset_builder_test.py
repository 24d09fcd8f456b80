"""biq2021: what comes out of a release, and every way in which a release can be broken."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from jiqa.data.prepare import prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.biq2021 import biq2021_dataset_builder as biq2021

TRAIN, TEST = biq2021.TABLES["train"], biq2021.TABLES["test"]


@pytest.fixture
def release(tmp_path):
    return testing.write_biq2021(tmp_path / "release")


@pytest.fixture
def sample(release, tmp_path):
    """Prepares `release` as a sample."""
    return functools.partial(
        prepare, "biq2021", config="sample", manual_dir=release, data_dir=tmp_path / "data"
    )


@pytest.fixture
def small_counts(monkeypatch):
    monkeypatch.setattr(biq2021, "COUNTS", {"train": 3, "test": 2})


def _edit(table: Path, old: str, new: str) -> None:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))


def test_sample_keeps_bytes_scores_and_official_split(release, sample):
    folder = sample()
    splits = testing.read_database(folder, {"train": 3, "test": 2})
    scores = {row["id"]: row["mos"] for rows in splits.values() for row in rows}
    assert scores == {f"ss01 ({n}).jpg": np.float32(n / 10) for n in range(1, 6)}
    assert {row["id"] for row in splits["test"]} == {"ss01 (4).jpg", "ss01 (5).jpg"}
    for row in splits["train"] + splits["test"]:
        assert row["image"] == (release / "Images" / row["id"]).read_bytes()
        assert row["content_id"] == row["id"]
        assert (row["distortion"], row["level"]) == ("authentic", 0)
        assert np.isnan(row["mos_std"])


def test_info_tells_a_sample_from_the_database(release, sample, small_counts, tmp_path):
    told = {
        config: testing.tfds.builder_from_directory(folder).info
        for config, folder in {
            "sample": sample(),
            "full": prepare("biq2021", manual_dir=release, data_dir=tmp_path / "data"),
        }.items()
    }
    assert told["sample"].metadata["sample"] is True
    assert told["full"].metadata["sample"] is False
    assert "smaller release" in str(told["sample"])


def test_table_with_mark_windows_lines_and_other_case_is_read(release, sample):
    for table in (TRAIN, TEST):
        text = (release / table).read_text()
        (release / table).write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    image = release / "Images" / "ss01 (2).jpg"
    image.rename(image.with_suffix(".JPG"))
    testing.read_database(sample(), {"train": 3, "test": 2})


def test_smaller_release_is_not_taken_for_the_database(release, tmp_path):
    with pytest.raises(InputError, match=r"Train .*found 3 rows, expected 10000 .*--config=sample"):
        prepare("biq2021", manual_dir=release, data_dir=tmp_path / "data")


BROKEN = {
    "no images": (lambda r: shutil.rmtree(r / "Images"), "Images: not found"),
    "image missing": (
        lambda r: (r / "Images" / "ss01 (5).jpg").unlink(),
        r"ss01 \(5\).jpg: not found, expected as Test",
    ),
    "image truncated": (
        lambda r: (r / "Images" / "ss01 (5).jpg").write_bytes(testing.picture(4)[:-100]),
        r"ss01 \(5\).jpg: .*truncated.*expected a whole image",
    ),
    "image empty": (
        lambda r: (r / "Images" / "ss01 (1).jpg").write_bytes(b""),
        r"ss01 \(1\).jpg: .*no known format, expected a whole image",
    ),
    "image a text": (
        lambda r: (r / "Images" / "ss01 (1).jpg").write_text("version https://git-lfs"),
        r"ss01 \(1\).jpg: .*no known format, expected a whole image",
    ),
    "no table": (lambda r: (r / TRAIN).unlink(), r"Train .*csv: not found"),
    "table empty": (lambda r: (r / TRAIN).write_text(""), "expected the header"),
    "table binary": (lambda r: (r / TEST).write_bytes(b"\xff\xfe\x00"), "expected a UTF-8 table"),
    "no header": (
        lambda r: _edit(r / TEST, "Image Name,MOS\n", ""),
        r"expected the header .*found 'ss01 \(4\).jpg,0.4000'",
    ),
    "no rows": (lambda r: (r / TEST).write_text("Image Name,MOS\n"), "found no rows"),
    "column missing": (
        lambda r: _edit(r / TEST, ",0.5000", ""),
        r"Test .*line 3: expected an image name and a MOS, found 'ss01 \(5\).jpg'",
    ),
    "score a word": (
        lambda r: _edit(r / TRAIN, "0.2000", "good"),
        "Train .*line 3: expected a number for MOS, found 'good'",
    ),
    "score empty": (lambda r: _edit(r / TRAIN, "0.2000", ""), "line 3: expected a number"),
    "score nan": (lambda r: _edit(r / TRAIN, "0.2000", "nan"), "line 3: .*from 0 to 1, found nan"),
    "score high": (lambda r: _edit(r / TRAIN, "0.2000", "1.2"), "line 3: .*from 0 to 1, found 1.2"),
    "score low": (lambda r: _edit(r / TRAIN, "0.2000", "-0.1"), "line 3: .*found -0.1"),
    "row twice": (
        lambda r: _edit(r / TRAIN, "ss01 (2)", "ss01 (1)"),
        r"Train .*line 3: found ss01 \(1\).jpg again",
    ),
    "in both": (
        lambda r: _edit(r / TEST, "ss01 (4)", "ss01 (1)"),
        r"found ss01 \(1\).jpg in both tables",
    ),
}


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_release_is_named_in_a_line_and_leaves_nothing(
    damage, message, release, sample, tmp_path
):
    damage(release)
    with pytest.raises(InputError, match=message) as error:
        sample()
    assert "\n" not in str(error.value)
    assert str(release) in str(error.value)
    assert [path.name for path in (tmp_path / "data").rglob("*")] == [".biq2021.lock"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder served on the loopback, from where the builder takes `main.zip`."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever).start()
        address = f"http://127.0.0.1:{httpd.server_port}/main.zip"
        monkeypatch.setattr(biq2021, "ARCHIVE", address)
        yield folder
        httpd.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and (Path(self.directory) / "cut").exists():
            value = str(int(value) + 1)
        super().send_header(keyword, value)


def _serve(release: Path, folder: Path) -> None:
    """As GitHub packs a branch: everything below one folder."""
    release.rename(release.with_name("BIQ2021-main"))
    shutil.make_archive(str(folder / "main"), "zip", release.parent, "BIQ2021-main")


def test_release_is_downloaded_where_there_is_none(release, server, small_counts, tmp_path):
    _serve(release, server)
    folder = prepare("biq2021", data_dir=tmp_path / "data")
    testing.read_database(folder, {"train": 3, "test": 2})
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        ".biq2021.lock",
        "biq2021",
    ]


def test_download_that_fails_is_told_in_a_line_and_leaves_nothing(server, tmp_path):
    def fails(message: str) -> None:
        with pytest.raises(InputError, match=f"127.0.0.1.*main.zip: .*{message}.*--manual_dir"):
            prepare("biq2021", data_dir=tmp_path / "data")
        assert [path.name for path in (tmp_path / "data").rglob("*")] == [".biq2021.lock"]

    fails("404")
    (server / "main.zip").write_bytes(b"no archive")
    fails("not a zip file")
    (server / "cut").touch()
    fails("10 of 11 bytes")


def test_sample_is_not_downloaded(tmp_path):
    with pytest.raises(InputError, match="expected --manual_dir"):
        prepare("biq2021", config="sample", data_dir=tmp_path / "data")


def test_true_release(shared, tmp_path):
    release = shared / "data" / "biq2021_sample"
    folder = prepare("biq2021", config="sample", manual_dir=release, data_dir=tmp_path)
    splits = testing.read_database(folder, {"train": 2000, "test": 400})
    scores = {row["id"]: row["mos"] for row in splits["train"]}
    assert scores["ss01 (667).jpg"] == np.float32(0.5176)
    table = np.genfromtxt(release / TRAIN, delimiter=",", skip_header=1, usecols=1)
    np.testing.assert_allclose(sorted(scores.values()), np.sort(table), rtol=1e-6)
