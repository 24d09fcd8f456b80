"""`jiqa score` on files: pairing, names, pipes, folders, damaged images, interrupts.

Expected PSNR values are computed by NumPy from the stored pixels.
"""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jiqa.cli.main import main
from jiqa.metrics import batches, given, memory

SHAPE = (24, 32, 3)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path, seed=0, shape=SHAPE, **options):
    """Writes smooth noise, which JPEG keeps, to `path`; returns the stored pixels."""
    coarse = np.random.default_rng(seed).integers(40, 216, (4, 4, 3), np.uint8)
    image = Image.fromarray(coarse).resize(shape[1::-1], Image.Resampling.BICUBIC)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return np.asarray(image)


def decibels(image, ref):
    return 10 * np.log10(255**2 / np.mean((image.astype(float) - ref) ** 2))


def rows(capsys, *arguments, status=0, metric="psnr"):
    """CSV rows of `jiqa score`, one dict per row."""
    assert main(["score", *arguments, f"--metric={metric}", "--format=csv"]) == status
    return list(csv.DictReader(capsys.readouterr().out.splitlines()))


def scores(found):
    return [float(row["psnr"]) for row in found]


@pytest.fixture
def twins():
    """Images a/img1.png and b/img1.png, their references in ra and rb, and the PSNR of both."""
    images = [picture(f"{name}/img1.png", i) for i, name in enumerate("ab")]
    refs = [picture(f"r{name}/img1.bmp", 2 + i) for i, name in enumerate("ab")]
    return [decibels(*pair) for pair in zip(images, refs, strict=True)]


TWINS = ("a/img1.png", "b/img1.png", "--ref", "ra/img1.bmp", "rb/img1.bmp")


@pytest.mark.parametrize("arguments", [TWINS, ("a", "b", "--ref", "ra", "rb")])
def test_names_that_are_not_unique_are_refused_and_pair_by_position(arguments, twins, capsys):
    found = rows(capsys, *arguments, status=2)
    assert [row["psnr"] for row in found] == ["", ""]
    for row, name in zip(found, ("a", "b"), strict=True):
        assert row["error"].startswith(f"{name}/img1.png: found ra/img1.bmp, rb/img1.bmp for ")
        assert row["error"].endswith("expected one reference, or --pair=position")
    found = rows(capsys, *arguments, "--pair=position")
    np.testing.assert_allclose(scores(found), twins, rtol=1e-5)


@pytest.mark.parametrize(
    ("files", "refs"),
    [
        (("d/a", "d/b"), ("r/b", "r/a")),
        (("d/a/img1.png", "d/b/img1.png"), ("r/b/img1.bmp", "r/a/img1.bmp")),
        (("d/*/*.png",), ("r/*/*",)),
        (("d/**",), ("r/**",)),
    ],
)
def test_folders_of_the_same_layout_pair(files, refs, twins, here, capsys):
    for old, new in (("a", "d/a"), ("b", "d/b"), ("rb", "r/b"), ("ra", "r/a")):
        (here / new).parent.mkdir(exist_ok=True)
        (here / old).rename(new)
    found = rows(capsys, *files, "--ref", *refs)
    assert [row["file"] for row in found] == ["d/a/img1.png", "d/b/img1.png"]
    np.testing.assert_allclose(scores(found), twins, rtol=1e-5)


def test_two_folders_share_one_of_references(twins, capsys):
    ref = picture("r/img1.bmp", 2)
    other = decibels(picture("b/img1.png", 1), ref)
    found = rows(capsys, "a", "b", "--ref", "r")
    np.testing.assert_allclose(scores(found), [twins[0], other], rtol=1e-5)


def test_equal_stems_are_refused(capsys):
    image = picture("d/p.png")
    picture("d/p.bmp", 1)
    ref = picture("r/p.png", 2)
    exact, doubtful = sorted(rows(capsys, "d", "--ref", "r", status=2), key=lambda r: r["error"])
    assert exact["file"] == "d/p.png"
    np.testing.assert_allclose(float(exact["psnr"]), decibels(image, ref), rtol=1e-5)
    assert doubtful["error"].startswith("d/p.bmp: found r/p.png for d/p.bmp, d/p.png by their")
    picture("r/p.tif", 3)
    picture("e/p.bmp")
    (row,) = rows(capsys, "e", "--ref", "r", status=2)
    assert row["error"].startswith("e/p.bmp: found r/p.png, r/p.tif for e/p.bmp by their names")


def test_only_a_reference_named_as_a_file_serves_all(capsys):
    images = [picture(f"d/{name}.png", i) for i, name in enumerate("pq")]
    ref = picture("r/other.png", 2)
    found = rows(capsys, "d", "--ref", "r/other.png")
    np.testing.assert_allclose(scores(found), [decibels(i, ref) for i in images], rtol=1e-5)
    for pattern in ("r", "r/*.png"):
        errors = [row["error"] for row in rows(capsys, "d", "--ref", pattern, status=2)]
        assert errors == [
            f"d/{name}.png: found no reference of this name among 1, expected one" for name in "pq"
        ]
    assert main(["score", "d", "--metric=psnr", "--ref", "r", "--pair=position"]) == 2
    assert capsys.readouterr() == (
        "",
        "jiqa: error: --pair=position: found 1 references, expected 2, one for each image\n",
    )


NAMES = (os.fsdecode(b"caf\xe9.png"), "\u0444\u043e\u0442\u043e.png", "a\nb|\x1b[2J.png")
ESCAPED = ("caf\\udce9.png", "\\u0444\\u043e\\u0442\\u043e.png", "a\\nb|\\x1b[2J.png")


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
def test_any_name_is_printed(form, here, monkeypatch):
    (here / "d").mkdir()
    for name in NAMES:
        picture("plain.png")
        os.rename("plain.png", f"d/{name}")
    (here / "d" / f"broken{NAMES[0]}").write_bytes(b"none")
    expected = dict(zip((f"d/{name}" for name in NAMES), ESCAPED, strict=True))
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["score", "d", "--metric=psnr", "--ref", f"d/{NAMES[1]}", f"--format={form}"]) == 2
    out.seek(0)
    text = out.read()
    if form.startswith("json"):
        found = json.loads(text) if form == "json" else list(map(json.loads, text.splitlines()))
        assert {row["file"] for row in found} == {*expected, f"d/broken{NAMES[0]}"}
        assert [row["psnr"] for row in found if "error" not in row] == ["inf"] * 3
        return
    assert len(text.splitlines()) == (6 if form == "table" else 5)
    for escaped in ESCAPED:
        cell = escaped.replace("|", "\\|") if form == "table" else escaped
        assert f"d/{cell}" in text
    assert "d/brokencaf\\udce9.png: 4 bytes of no known format" in text


def test_standard_input_is_read_once(monkeypatch, capsys):
    image, ref = picture("p.png"), picture("r.png", 1)
    data = Path("p.png").read_bytes()
    for arguments in (["-", "--ref", "r.png"], ["r.png", "--ref", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        (row,) = rows(capsys, *arguments, metric="psnr,psnry")
        assert row["file"] == arguments[0]
        np.testing.assert_allclose(float(row["psnr"]), decibels(image, ref), rtol=1e-5)
        assert float(row["psnry"]) > 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    (row,) = rows(capsys, "-", "--ref", "r.png", status=2)
    assert row["error"] == "-: 0 bytes of no known format, expected a whole image"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("arguments", [["pipe", "--ref", "r.png"], ["r.png", "s.png", "--ref"]])
def test_a_pipe_is_read_once(arguments, capsys):
    images = [picture("p.png"), picture("r.png", 1), picture("s.png", 2)]
    os.mkfifo("pipe")
    data = Path("p.png").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(data), daemon=True)
    writer.start()
    arguments = arguments if arguments[-1] != "--ref" else [*arguments, "pipe"]
    expected = [decibels(images[0], other) for other in images[1:]][: 1 + (len(arguments) > 3)]
    found = rows(capsys, *arguments, metric="psnr,psnry")
    np.testing.assert_allclose(scores(found), expected, rtol=1e-5)


def test_folders_leave_out_what_is_no_photograph(here, capsys):
    picture("d/p.png")
    for name in ("._p.png", ".hidden.png", "a.heic", "b.HEIC", "c.cr2", "d.jxl", "notes.txt"):
        (here / "d" / name).write_bytes(b"none")
    assert main(["score", "d", "--metric=psnr", "--ref", "d/p.png"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()[2:]] == ["d/p.png"]
    assert err == "jiqa: d: left out 1 AppleDouble, 1 CR2, 2 HEIC, 1 JXL, 1 hidden\n"
    (here / "d" / "p.png").unlink()
    assert main(["score", "d", "--metric=piqe"]) == 2
    assert capsys.readouterr() == (
        "",
        "jiqa: error: d: found no image, left out 1 AppleDouble, 1 CR2, 2 HEIC, 1 JXL, 1 hidden, "
        "expected a file, a folder or a pattern\n",
    )


def test_a_pattern_follows_links_once_and_finds_files_alone(here):
    for name in ("d/p.png", "d/sub.png/q.png", "d/sub.png/deep/p.png", "far/r.png"):
        picture(name)
    (here / "d" / ".git").mkdir()
    picture("d/.git/s.png")
    for name in ("a", "z"):
        (here / "d" / name).symlink_to(here / "d", target_is_directory=True)
        (here / "d" / f"{name}far").symlink_to(here / "far", target_is_directory=True)
    (here / "d" / "same.png").symlink_to(here / "d" / "p.png")
    whole = ["d/p.png", "d/same.png", "d/sub.png/deep/p.png", "d/sub.png/q.png"]
    for pattern in ("d/**", "d/**/*.png", "d/**/**/*"):
        found = [str(file.path) for file in given.files([pattern])]
        assert found == sorted([*whole, "d/afar/r.png"])
    assert [file.below for file in given.files(["d/**"])][:2] == [Path("afar/r.png"), Path("p.png")]
    found = [str(file.path) for file in given.files(["d/*.png", "d/s*/*"])]
    assert found == ["d/p.png", "d/same.png", "d/sub.png/q.png"]


def test_orientation_is_applied_and_can_be_left(capsys):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    upright = picture("upright.png", shape=(32, 24, 3))
    stored = Image.fromarray(np.rot90(upright))
    stored.save("photo.jpg", quality=95, exif=exif)
    decoded = np.rot90(np.asarray(Image.open("photo.jpg")), -1)
    command = ("photo.jpg", "--ref", "upright.png")
    np.testing.assert_allclose(scores(rows(capsys, *command)), decibels(decoded, upright), 1e-5)
    (row,) = rows(capsys, *command, "--no_orientation", status=2)
    assert "found 1 of 32x24 pixels, expected 1 of 24x32 as the image" in row["error"]


def test_16_bits_are_kept(capsys):
    for name, value in (("p.png", 30000), ("r.png", 30020)):  # the same high byte
        Image.fromarray(np.full((16, 16), value, np.uint16)).save(name)
    expected = 20 * np.log10(65535 / 20)
    assert scores(rows(capsys, "p.png", "--ref", "r.png")) == pytest.approx([expected], rel=1e-4)


def test_damage_is_a_warning_and_strict_refuses(capsys):
    image = picture("d/whole.jpg", shape=(96, 96, 3), quality=95)
    data = Path("d/whole.jpg").read_bytes()
    Path("d/half.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    Path("d/lost.jpg").write_bytes(data[:8])
    Image.fromarray(image).save("r.png")
    command = ("d", "--ref", "r.png")
    half, lost, whole = rows(capsys, *command, status=2)
    assert half["warning"].startswith("d/half.jpg: damaged: ")
    assert 5 < float(half["psnr"]) < float(whole["psnr"]) - 10
    assert [lost["psnr"], lost["warning"]] == ["", ""]
    assert [whole["warning"], whole["error"]] == ["", ""]
    refused = rows(capsys, *command, "--strict", status=2)[0]
    assert [refused["psnr"], refused["warning"]] == ["", ""]
    assert refused["error"].startswith("d/half.jpg: damaged: ")
    (row,) = rows(capsys, "r.png", "--ref", "d/half.jpg")
    assert row["warning"] == half["warning"]
    assert main(["score", "r.png", "d/half.jpg", "--metric=psnr", "--ref=r.png"]) == 0
    header, _, plain, marked = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["file", "psnr", "warning"]
    assert half["warning"] in marked
    assert "damaged" not in plain


def test_the_limit_in_pixels_can_be_set(monkeypatch, capsys):
    picture("p.png")
    count = SHAPE[0] * SHAPE[1]
    (row,) = rows(capsys, "p.png", "--ref=p.png", f"--max_pixels={count - 1}", status=2)
    assert row["error"].startswith("p.png: ")
    assert "--max_pixels" in row["error"]
    assert rows(capsys, "p.png", "--ref=p.png", f"--max_pixels={count}")[0]["psnr"] == "inf"
    monkeypatch.setattr(memory, "most_pixels", lambda name: count - 1)
    (row,) = rows(capsys, "p.png", "--ref=p.png", status=2)
    assert row["error"].startswith(
        f"psnr of p.png: found 32x24, {count} pixels, expected {count - 1}"
    )
    assert rows(capsys, "p.png", "--ref=p.png", f"--max_pixels={count}")[0]["psnr"] == "inf"
    with pytest.raises(SystemExit):
        main(["score", "p.png", "--metric=psnr", "--max_pixels=0"])


def test_rows_have_the_order_of_the_files_whatever_their_sizes(monkeypatch, capsys):
    monkeypatch.setattr(batches, "_CPU_PIXELS", 3000)
    expected = {}
    for i, side in enumerate((16, 70, 20, 150, 16, 90, 18, 100, 75, 16)):
        shape = (side, side + 3, 3)
        names = f"d/{i}.png", f"r/{i}.png"
        expected[names[0]] = decibels(picture(names[0], i, shape), picture(names[1], 50 + i, shape))
    order = sorted(expected, key=lambda name: int(name[2]) * 7 % 10)
    found = rows(capsys, *order, "--ref", "r", metric="psnr,psnry,ssim.skimage")
    assert [row["file"] for row in found] == order
    np.testing.assert_allclose(scores(found), [expected[name] for name in order], rtol=1e-4)
    assert not any(row["error"] for row in found)


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
def test_an_interrupted_run_keeps_its_rows(form, monkeypatch, capsys):
    monkeypatch.setattr(batches, "_CPU_PIXELS", 1)
    names = [f"{i}.png" for i in range(4)]
    for i, name in enumerate(names):
        picture(name, i)
    read = given.read

    def interrupted(path):
        if path.name == names[2]:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(given, "read", interrupted)
    command = ["score", *names, "--ref=0.png", "--metric=psnr", f"--format={form}"]
    assert main(command) == 130
    out, err = capsys.readouterr()
    assert err == "jiqa: interrupted; images scored: 2\n"
    if form == "json":
        found = [row["file"] for row in json.loads(out)]
    elif form == "jsonl":
        found = [json.loads(line)["file"] for line in out.splitlines()]
    elif form == "csv":
        found = [row["file"] for row in csv.DictReader(out.splitlines())]
    else:
        found = [line.split()[1] for line in out.splitlines()[2:]]
    assert found == names[:2]


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_rows_are_written_as_soon_as_they_are_there(form, monkeypatch, capsys):
    monkeypatch.setattr(batches, "_CPU_PIXELS", 1)
    names = [f"{i}.png" for i in range(3)]
    for i, name in enumerate(names):
        picture(name, i)
    read, seen = given.read, []

    def watched(path):
        seen.append(capsys.readouterr().out)
        return read(path)

    monkeypatch.setattr(given, "read", watched)
    command = ["score", *names, "--metric=psnr", "--ref", *names, f"--format={form}"]
    assert main(command) == 0
    assert len(seen) == 3  # each file is its own reference
    assert [any(f"{i}.png" in text for text in seen[: i + 2]) for i in range(2)] == [True, True]
    assert "0.png" in seen[1]
    assert "1.png" in seen[2]


def test_who_reads_may_stop(here):
    for i in range(3):
        picture(f"d/{i}.png", i)
    code = "import sys; from jiqa.cli.main import main; sys.exit(main())"
    score = [sys.executable, "-c", code, "score", "d", "--metric=psnr", "--ref=d/0.png"]
    with subprocess.Popen(
        [*score, "--format=csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout
        assert run.stderr
        assert run.stdout.readline() == b"file,psnr,warning,error\n"
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


def test_help_says_how_files_are_read(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    told = capsys.readouterr().out
    for word in (
        *("EXIF orientation is applied", "16 bits", "Alpha", "Grey", "palette", "CMYK", "HEIC"),
        *("--max_pixels", "100,000,000", "--strict", "--pair=position", "- for\n  standard input"),
        *("same path", "same\n  name", "exit status", "130"),
    ):
        assert word in told


def test_a_missing_file_is_a_row(capsys):
    """The rest is scored; only names that are all no files are an error of the command."""
    picture("there.png")
    lost, there = rows(capsys, "lost.png", "there.png", "--ref=there.png", status=2)
    assert (lost["file"], lost["psnr"]) == ("lost.png", "")
    assert "lost.png: No such file" in lost["error"]
    assert (there["psnr"], there["error"]) == ("inf", "")


def test_position_asks_for_as_many_references(capsys):
    picture("a.png")
    picture("b.png")
    assert main(["score", "a.png", "b.png", "--metric=psnr", "--ref=a.png", "--pair=position"]) == 2
    assert "found 1 references, expected 2, one for each image" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "abc", "1e9", "-3"])
def test_a_limit_that_is_no_number_is_one_line(text, capsys):
    with pytest.raises(SystemExit) as end:
        main(["score", "x.png", "--metric=psnr", f"--max_pixels={text}"])
    assert end.value.code == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert f"found '{text}', expected a whole number of 1 or more" in err
