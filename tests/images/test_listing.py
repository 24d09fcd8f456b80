import os

import pytest

from jiqa import images
from jiqa.errors import InputError


def touched(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_photographs_are_listed_and_the_rest_counted_by_kind(tmp_path):
    touched(tmp_path, "b.PNG", "a.jpg", "c.avif", "._a.jpg", ".d.png", "e.HEIC", "f.heic", "g.CR2")
    touched(tmp_path, "notes.txt", "Thumbs.db", "folder.jpg/h.jpg")
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "a.jpg")
    found = images.listed(tmp_path)
    assert [path.name for path in found.photographs] == ["a.jpg", "b.PNG", "c.avif", "linked.jpg"]
    assert {kind: [path.name for path in paths] for kind, paths in found.skipped.items()} == {
        "AppleDouble": ["._a.jpg"],
        "CR2": ["g.CR2"],
        "HEIC": ["e.HEIC", "f.heic"],
        "hidden": [".d.png"],
        "no file": ["lost.jpg"],
    }
    assert found.line() == "1 AppleDouble, 1 CR2, 2 HEIC, 1 hidden, 1 no file"


def test_links_are_followed_once(tmp_path):
    touched(tmp_path, "in/a.jpg", "in/deep/b.jpg", ".thumbs/a.jpg", "__MACOSX/a.jpg")
    (tmp_path / "in/loop").symlink_to(tmp_path)
    (tmp_path / "in/again").symlink_to(tmp_path / "in/deep")
    found = images.listed(tmp_path, recursive=True).photographs
    assert len(found) == 2
    assert {path.name for path in found} == {"a.jpg", "b.jpg"}
    walked = [
        path
        for part in ("", "loop/in/", "loop/in/loop/in/")
        for path in tmp_path.glob(f"in/{part}**/*")
    ]
    assert [path.name for path in images.chosen(walked).photographs] == ["a.jpg", "b.jpg"]


def test_a_pattern_may_name_any_suffix(tmp_path):
    touched(tmp_path, "a.dat", "b.jpg", "c.heic")
    os.mkfifo(tmp_path / "pipe.jpg")
    paths = tmp_path.iterdir()
    found = images.chosen(paths, any_suffix=True)
    assert [path.name for path in found.photographs] == ["a.dat", "b.jpg"]
    assert found.line() == "1 HEIC, 1 no file"


def test_a_folder_of_none_says_what_it_has(tmp_path):
    touched(tmp_path, "a.heic")
    with pytest.raises(InputError, match="found no images but 1 HEIC, expected photographs"):
        images.photographs(tmp_path)
    with pytest.raises(InputError, match="found no such folder"):
        images.listed(tmp_path / "nowhere")
