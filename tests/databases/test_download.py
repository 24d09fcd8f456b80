"""Archives arrive whole over connections that break, or not at all; nothing leaves its folder."""

import errno
import hashlib
import http.server
import io
import re
import shutil
import tarfile
import threading
import zipfile
from unittest import mock

import numpy as np
import pytest
from tensorflow_datasets.core.utils.tqdm_utils import EmptyTqdm

from jiqa.databases import download
from jiqa.databases.builder import Archive
from jiqa.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3 * 1024 * 1024)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by name.

    `cuts`: after how many bytes each of the next connections breaks; `ranges`: whether it sends
    parts; `asked`: the Range of each request, None where it had none; `elsewhere`: addresses that
    it sends on to.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.cuts = []
        self.ranges = True
        self.asked = []
        self.elsewhere = {}

    def handle_error(self, request, client_address):
        """A client that was killed is no news."""

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers["Range"]
        server.asked.append(wanted)
        if self.path[1:] in server.elsewhere:
            self.send_response(302)
            self.send_header("Location", server.elsewhere[self.path[1:]])
            self.end_headers()
            return None
        content = server.files.get(self.path[1:])
        if content is None:
            return self.send_error(404)
        begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        if begin and begin >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return None
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        sent = content[begin:]
        return self.wfile.write(sent[: server.cuts.pop(0)] if server.cuts else sent)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        server.files["a.bin"] = CONTENT
        yield server
        server.shutdown()


def _zip(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def _tar(name, text=b"text"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return stream.getvalue()


def test_broken_connections_are_continued(server, tmp_path):
    server.cuts = [1_000_000, 1_000_000]
    path = download.fetch(server.url("a.bin"), tmp_path, SHA256)
    assert path == tmp_path / "a.bin"
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=2000000-"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_a_connection_that_brings_nothing_ends_it_until_the_next_call(server, tmp_path):
    server.cuts = [1_000_000, 0]
    with pytest.raises(
        InputError,
        match=r"127.0.0.1.*/a.bin: not downloaded \(found 1000000 of 3145728 bytes\), "
        r"1000000 bytes are kept for the next try; .*--manual_dir$",
    ):
        download.fetch(server.url("a.bin"), tmp_path)
    assert download.fetch(server.url("a.bin"), tmp_path).read_bytes() == CONTENT
    assert server.asked[2:] == ["bytes=1000000-"]


def test_what_a_killed_process_left_is_continued(server, tmp_path, monkeypatch):
    """What is on disk between two blocks is what a process leaves that ends there."""
    part = tmp_path / "a.bin.part"
    left = []

    class Bar(EmptyTqdm):
        def update(self, n):
            left.append(part.read_bytes())
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download.tfds_utils, "tqdm", Bar)
        with pytest.raises(KeyboardInterrupt):
            download.fetch(server.url("a.bin"), tmp_path)
    begin = len(left[0])
    assert 0 < begin < len(CONTENT)
    part.write_bytes(left[0])
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={begin}-"]


def test_killed_after_the_last_byte(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT


def test_longer_part_is_of_another_version_and_begun_anew(server, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT


def test_server_without_ranges_is_asked_for_all_of_it(server, tmp_path):
    server.ranges = False
    server.cuts = [1_000_000]
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT
    (tmp_path / "a.bin").unlink()
    server.cuts = [1_000_000, 1_000_000]
    with pytest.raises(InputError, match="1000000 of 3145728"):
        download.fetch(server.url("a.bin"), tmp_path)


def test_server_that_sends_another_range_is_not_believed(server, tmp_path, monkeypatch):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:100])
    send = Handler.send_header
    monkeypatch.setattr(
        Handler,
        "send_header",
        lambda self, name, value: send(self, name, value.replace("bytes 100", "bytes 99")),
    )
    with pytest.raises(InputError, match="asked for bytes 100-, found bytes 99-"):
        download.fetch(server.url("a.bin"), tmp_path)


def test_wrong_checksum_is_told_and_not_kept(server, tmp_path):
    with pytest.raises(InputError, match=f"a.bin: found sha256 {SHA256}, expected {'0' * 64}"):
        download.fetch(server.url("a.bin"), tmp_path, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_checked_again(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(CONTENT[:-1] + b"x")
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT
    assert download.fetch(server.url("a.bin"), tmp_path, SHA256).read_bytes() == CONTENT
    assert server.asked == [None]


@pytest.mark.parametrize("scheme", ["ftp", "file", "data"])
def test_no_other_protocol_is_followed(server, tmp_path, scheme):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    url = {"ftp": "ftp://127.0.0.1:9/a", "file": f"file://{secret}", "data": "data:,secret"}[scheme]
    server.elsewhere["b.bin"] = url
    for asked in (server.url("b.bin"), url):
        with pytest.raises(InputError, match=r"not downloaded \(.*(http|not allowed)"):
            download.fetch(asked, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_another_server_is_followed(server, tmp_path):
    server.elsewhere["b.bin"] = server.url("a.bin")
    assert download.fetch(server.url("b.bin"), tmp_path, SHA256).name == "b.bin"


def test_missing_file_and_missing_server_are_told_in_a_line(server, tmp_path):
    with pytest.raises(InputError, match=r"b.bin: not downloaded \(HTTP Error 404") as error:
        download.fetch(server.url("b.bin"), tmp_path)
    assert "\n" not in str(error.value)
    assert "kept" not in str(error.value)
    with pytest.raises(InputError, match=r"127.0.0.1:9/a.bin: not downloaded \(.*refused"):
        download.fetch("http://127.0.0.1:9/a.bin", tmp_path)


def test_bar_begins_where_the_part_ends(server, tmp_path, monkeypatch):
    bars = []

    class Bar(EmptyTqdm):
        def __init__(self, **kwargs):
            bars.append([kwargs["initial"], kwargs["total"]])

        def update(self, n):
            bars[-1][0] += n

    monkeypatch.setattr(download.tfds_utils, "tqdm", Bar)
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:100])
    download.fetch(server.url("a.bin"), tmp_path)
    assert bars == [[len(CONTENT), len(CONTENT)]]


def test_release_is_unpacked_and_its_only_folder_returned(server, tmp_path):
    server.files |= {
        "one.zip": _zip(**{"top/a.txt": "a", "top/in/b.txt": "b"}),
        "two.tar.gz": _tar("top/c.txt", b"c"),
        "list.csv": b"d",
    }
    archives = [Archive(server.url(name)) for name in ("one.zip", "two.tar.gz")]
    kept, folder = tmp_path / "kept", tmp_path / "release"
    assert download.release(archives, kept, folder) == folder / "top"
    found = {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert found == {"a.txt": "a", "b.txt": "b", "c.txt": "c"}
    archives.append(Archive(server.url("list.csv")))
    assert download.release(archives, kept, folder) == folder
    assert (folder / "list.csv").read_text() == "d"
    assert len(server.asked) == 3  # what was kept is not asked for again


def _encrypted():
    """A zip whose member has the flag of encryption set, in both of its headers."""
    stored = bytearray(_zip(a="text"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        stored[stored.index(mark) + offset] |= 1
    return bytes(stored)


def _of_method(number):
    stored = bytearray(_zip(a="text"))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        stored[stored.index(mark) + offset] = number
    return bytes(stored)


def _cut_tar(length, more=b""):
    """The beginning of a tar of an empty file, with something after it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return stream.getvalue()[:length] + more


def _member(kind, linkname=""):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("a")
        member.type, member.linkname = kind, linkname
        archive.addfile(member)
    return stream.getvalue()


DAMAGED = {
    "encrypted zip": ("a.zip", _encrypted(), "encrypted"),
    "zip of an unknown method": ("a.zip", _of_method(99), "compression"),
    "zip with a damaged bzip2": ("a.zip", _of_method(12), "Invalid data"),
    "tar cut off between members": ("a.tar", _cut_tar(512), "end"),
    "tar with a damaged header": ("a.tar", _cut_tar(512, b"x" * 1024), "end"),
    "zip with a long name": ("a.zip", _zip(**{"a" * 300: "text"}), "too long"),
    "zip with a file for a folder": ("a.zip", _zip(**{"a": "text", "a/b": "text"}), "."),
    "tar of a device": ("a.tar.gz", _member(tarfile.CHRTYPE), "special file"),
    "tar with a link out": ("a.tar.gz", _member(tarfile.SYMTYPE, "../../out"), "outside"),
    "tar with a link to nothing": ("a.tar.gz", _member(tarfile.LNKTYPE, "none"), "none"),
    "no zip": ("a.zip", b"no archive", "not a zip file"),
    "no tar": ("a.tar.gz", b"no archive", "could not be opened|not a gzip"),
    "zip with another byte": ("a.zip", _zip(a="text").replace(b"text", b"tent", 1), "Bad CRC-32"),
    "tar cut off": ("a.tgz", _tar("a", CONTENT[:9999])[:5000], "end-of-stream|unexpected end"),
    "zip that climbs": ("a.zip", _zip(**{"../out": "text"}), "'../out', which leads out of it"),
    "zip from the root": ("a.zip", _zip(**{"/out": "text"}), "'/out', which leads out of it"),
    "tar that climbs": ("a.tar.gz", _tar("../out"), "outside the destination"),
}


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_or_unsafe_archive_is_deleted(name, content, message, tmp_path):
    archive = tmp_path / name
    archive.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*({message}).*expected a whole archive"):
        download.unpack(archive, tmp_path / "in")
    assert not archive.exists()
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_not_the_archives_fault(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    archive.write_bytes(_zip(a="text"))
    monkeypatch.setattr(shutil, "copyfileobj", mock.Mock(side_effect=OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        download.unpack(archive, tmp_path / "in")
    assert archive.exists()
