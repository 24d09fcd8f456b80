"""biq2021: examples read from a release, and an error for every way to break a release."""

import dataclasses
import functools
import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from jiqa.databases import builder
from jiqa.databases.prepare import prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.biq2021 import biq2021_dataset_builder as biq2021

TRAIN, TEST = biq2021.TABLES["train"], biq2021.TABLES["test"]


class TestRelease(testing.ReleaseTests):
    name = "biq2021"
    expected = {
        "train": {f"Images/ss01 ({n}).jpg": {"mos": n / 10} for n in (1, 2, 3)},
        "test": {f"Images/ss01 ({n}).jpg": {"mos": n / 10} for n in (4, 5)},
    }
    broken = {
        "image empty": (
            testing.overwrite("Images/ss01 (1).jpg", b""),
            r"ss01 \(1\).jpg: .*no known format, expected a whole image",
        ),
        "image a text": (
            testing.overwrite("Images/ss01 (1).jpg", b"version https://git-lfs"),
            r"ss01 \(1\).jpg: .*no known format, expected a whole image",
        ),
        "no table": (lambda r: (r / TRAIN).unlink(), r"Train .*csv: not found"),
        "table empty": (testing.overwrite(TRAIN, b""), "Train .*found no rows"),
        "table binary": (testing.overwrite(TEST, b"\xff\xfe\x00"), "expected a UTF-8 table"),
        "no header": (
            testing.edit(TEST, "Image Name,MOS\n", ""),
            r"expected a column Image Name, found the header 'ss01 \(4\).jpg,0.4000'",
        ),
        "no rows": (testing.overwrite(TEST, b"Image Name,MOS\n"), "found no rows"),
        "column missing": (
            testing.edit(TEST, ",0.5000", ""),
            r"Test .*line 3: expected Image Name,MOS, found 'ss01 \(5\).jpg'",
        ),
        "score a word": (
            testing.edit(TRAIN, "0.2000", "good"),
            "Train .*line 3: expected a number for MOS, found 'good'",
        ),
        "score empty": (testing.edit(TRAIN, "0.2000", ""), "line 3: expected a number"),
        "score nan": (testing.edit(TRAIN, "0.2000", "nan"), "line 3: .*0 to 1, found nan"),
        "score high": (testing.edit(TRAIN, "0.2000", "1.2"), "line 3: .*0 to 1, found 1.2"),
        "score low": (testing.edit(TRAIN, "0.2000", "-0.1"), "line 3: .*found -0.1"),
        "row twice": (testing.edit(TRAIN, "ss01 (2)", "ss01 (1)"), r"found ss01 \(1\).jpg twice"),
        "in both": (testing.edit(TEST, "ss01 (4)", "ss01 (1)"), r"found ss01 \(1\).jpg twice"),
    }

    def write(self, folder):
        testing.write_biq2021(folder)

    def test_table_with_mark_windows_lines_and_other_case_is_read(self, release):
        for table in (TRAIN, TEST):
            text = (release / table).read_text()
            (release / table).write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
        image = release / "Images" / "ss01 (2).jpg"
        image.rename(image.with_suffix(".JPG"))
        testing.read_database(self.prepare(release), {"train": 3, "test": 2})

    def test_release_is_downloaded_where_there_is_none(self, release, server, whole, tmp_path):
        _serve(release, server)
        folder = prepare("biq2021", data_dir=tmp_path / "data")
        testing.read_database(folder, {"train": 3, "test": 2})
        assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
            ".biq2021.lock",
            "biq2021",
        ]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder served on the loopback interface, from which the builder downloads `main.zip`."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever).start()
        address = f"http://127.0.0.1:{httpd.server_port}/main.zip"
        facts = dataclasses.replace(biq2021.FACTS, archives=(builder.Archive(address),))
        monkeypatch.setattr(biq2021.Builder, "facts", facts)
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
    """Packs a release as GitHub packs a branch: all files below one folder."""
    release.rename(release.with_name("BIQ2021-main"))
    shutil.make_archive(str(folder / "main"), "zip", release.parent, "BIQ2021-main")


def test_download_that_fails_is_told_in_a_line_and_leaves_nothing(server, tmp_path):
    def fails(message: str) -> None:
        with pytest.raises(InputError, match=f"main.zip: .*{message}.*--manual_dir"):
            prepare("biq2021", data_dir=tmp_path / "data")
        assert [path.name for path in (tmp_path / "data").rglob("*")] == [".biq2021.lock"]

    fails("404")
    (server / "main.zip").write_bytes(b"no archive")
    fails("not a zip file")


def test_download_that_breaks_off_is_continued_at_the_next_call(server, tmp_path):
    (server / "main.zip").write_bytes(b"no archive")
    (server / "cut").touch()
    with pytest.raises(InputError, match=r"10 of 11 bytes.*10 bytes are kept for the next try"):
        prepare("biq2021", data_dir=tmp_path)
    kept = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.part")]
    assert kept == [".biq2021.downloads/main.zip.part"]
    assert not (tmp_path / ".biq2021.unfinished").exists()


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
