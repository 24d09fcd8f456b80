"""`jiqa score`, `list` and `info`, through the command's entry point."""

import csv
import json

import numpy as np
import photos
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from jiqa.cli.main import main

NAMES = ("a", "b")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working directory with dist/a.png, dist/b.png and their references ref/a.bmp, ref/b.bmp."""
    for name, recipe in zip(NAMES, ("coffee/jpeg", "chelsea/noise"), strict=True):
        for place, x in zip(("dist", "ref"), photos.recipe(recipe), strict=True):
            (tmp_path / place).mkdir(exist_ok=True)
            suffix = "png" if place == "dist" else "bmp"
            Image.fromarray(x[:64, :96]).save(tmp_path / place / f"{name}.{suffix}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def expected(folder):
    def read(name):
        paths = (folder / "ref" / f"{name}.bmp", folder / "dist" / f"{name}.png")
        return [np.asarray(Image.open(path)) for path in paths]

    return [peak_signal_noise_ratio(*read(name)) for name in NAMES]


@pytest.mark.parametrize("files", [["dist"], ["dist/*.png"], ["dist/a.png", "dist/b.png", "dist"]])
def test_files_folders_and_patterns(files, folder, expected, capsys):
    assert main(["score", *files, "--metric", "psnr", "--ref", "ref", "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["file"] for row in rows] == ["dist/a.png", "dist/b.png"]
    np.testing.assert_allclose([float(row["psnr"]) for row in rows], expected, rtol=1e-6)


def test_json_and_one_ref_for_all(folder, expected, capsys):
    files = ["dist/a.png", "ref/a.bmp"]
    command = ["score", *files, "--metric", "psnr,ssim.skimage", "--ref", "ref/a.bmp"]
    assert main([*command, "--format", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["file"] == "dist/a.png"
    assert first["psnr"] == pytest.approx(expected[0], rel=1e-6)
    assert second == {"file": "ref/a.bmp", "psnr": "inf", "ssim.skimage": 1.0}


def test_parameters_come_from_the_files_that_are_named(folder, shared, capsys):
    weights = [str(shared / "weights" / f"{name}.npz") for name in ("alexnet_conv", "lpips_linear")]
    for name, recipe in zip(NAMES, ("astronaut/jpeg", "chelsea/noise"), strict=True):
        for place, x in zip(("dist", "ref"), photos.recipe(recipe), strict=True):
            suffix = "png" if place == "dist" else "bmp"
            Image.fromarray(x[:96, :128]).save(folder / place / f"{name}.{suffix}")
    command = ["score", "dist", "--metric", "psnr,lpips", "--ref", "ref", "--format", "json"]
    assert main([*command, "--params", f"lpips={','.join(weights)}"]) == 0
    scores = [row["lpips"] for row in json.loads(capsys.readouterr().out)]
    # The authors' package, lpips 0.1.4, as in tests/fr/test_lpips.py.
    np.testing.assert_allclose(scores, [0.1021514, 0.1416413], rtol=1e-4)


def test_a_broken_image_is_one_line_and_the_rest_is_scored(folder, expected, capsys):
    for place in ("dist", "ref"):
        (folder / place / "c.png").write_bytes(b"none")
    Image.new("RGB", (8, 8)).save(folder / "dist" / "d.png")
    command = ["score", "dist", "--metric", "psnr,psnry", "--ref", "ref"]
    assert main(command) == 2
    out, err = capsys.readouterr()
    a, b, c, d = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()[2:]]
    np.testing.assert_allclose([float(a[1]), float(b[1])], expected, rtol=1e-4)
    errors = [
        "dist/c.png: 4 bytes of no known format, expected a whole image",
        "dist/d.png: found no reference of this name among 3, expected one",
    ]
    assert [a[3:], b[3:], c, d] == [
        [""],
        [""],
        ["dist/c.png", "", "", errors[0]],
        ["dist/d.png", "", "", errors[1]],
    ]
    assert err.splitlines() == [f"jiqa: error: {error}" for error in errors]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dist", "--metric", "psnr"], "psnr: found no --ref, expected the references"),
        (["lost", "--metric", "psnr"], "lost: found no image, expected a file, a folder"),
        (["lost.png", "--metric", "psnr"], "lost.png: found no image, expected a file, a folder"),
        (["dist", "--metric", "best"], "metric: found 'best', expected one of"),
        (["dist", "--metric", "piqe,"], "metric: found '', expected one of"),
        (["n" * 300, "--metric", "piqe"], "n" * 300 + ": File name too long, expected a file or"),
        (["dist", "--metric", "lpips", "--ref", "ref"], "params: found none, expected files of"),
        *(
            (["dist", "--metric", "niqe,piqe", *params], message)
            for params, message in (
                (["--params", "a.mat"], "--params: found 'a.mat', expected NAME=FILE"),
                (["--params", "niqe="], "--params: found 'niqe=', expected NAME=FILE"),
                (["--params", "lpips=a.npz"], "--params: found 'lpips', expected one of niqe, "),
                (["--params", "niqe=a.mat"] * 2, "--params: found 'niqe' twice, expected niqe=FI"),
                (["--params", "niqe=a.mat"], "a.mat: no such file, expected parameters"),
                (["--params", "piqe=a.mat"], "piqe: found params 'a.mat', expected none"),
            )
        ),
    ],
)
def test_what_cannot_begin_is_refused(arguments, message, folder, capsys):
    assert main(["score", *arguments]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"jiqa: error: {message}")
    assert err.count("\n") == 1


def test_list_and_info(capsys):
    assert main(["list", "ssim*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["ssim", "ssim.matlab", "ssim.skimage"]
    assert "| fr   | higher | -1..1 | 11 " in lines[2]
    assert main(["info", "ms_ssim"]) == 0
    told = capsys.readouterr().out
    assert "takes   an image and its reference, sides of 176 pixels or more" in told
    assert "Deviations and choices" in told
    assert main(["list", "best"]) == 2
