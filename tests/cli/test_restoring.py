"""Restoration in tiles, and the command `jiqa restore`: choice of a restorer, files, errors.

Tests use a restorer whose parameters are 0, except the biases of D5 and D6: the bias of D5 is added
to the image, the bias of D6 is the SSIM of every pixel.
"""

import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from jiqa import models
from jiqa.cli import main, restoring
from jiqa.models.unet import SHRINK, UNet
from jiqa.results import plots
from jiqa.tasks import restore as restoration
from jiqa.train.checkpoint import Checkpoints
from jiqa.train.update import init_state


@pytest.mark.parametrize("length", [16, 512, 528, 832, 848, 4000])
def test_tiles_cover_an_axis_once_and_keep_their_margins(length):
    cuts = restoration._cuts(length)
    covered = np.concatenate([np.arange(first, end) for _, first, end in cuts])
    np.testing.assert_array_equal(covered, np.arange(length))
    for start, first, end in cuts:
        assert start % SHRINK == 0
        assert start + restoration.TILE <= max(length, restoration.TILE)
        assert first == 0 or first - start >= restoration.MARGIN
        assert end == length or start + restoration.TILE - end >= restoration.MARGIN


def test_tiles_give_what_the_whole_gives(monkeypatch):
    monkeypatch.setattr(restoration, "TILE", 256)
    model = UNet(width=2, carry=False)
    image = np.random.default_rng(0).integers(0, 256, (333, 400, 3), np.uint8)
    whole = np.pad(image, ((0, 3), (0, 0), (0, 0)), mode="symmetric")[None] / np.float32(255)
    variables = model.init(jax.random.key(0), jnp.asarray(whole[:, :16, :16]))
    restored, map = restoration.restorer(model, variables)(image)
    expected, out = jax.jit(model.apply)(variables, whole)
    assert restored.shape == (333, 400, 3)
    assert map.std() > 1e-3
    np.testing.assert_allclose(restored, np.clip(expected, 0, 1)[0, :333], atol=1e-5)
    np.testing.assert_allclose(map, out["ssim_map"][0, :333], atol=1e-5)


def test_nothing_reaches_a_pixel_from_beyond_the_margin():
    model = UNet(width=1, carry=False)
    image = jnp.full((1, 16, 416, 3), 0.5)
    fresh = model.init(jax.random.key(0), image[:, :, :16])
    positive = jax.tree.map(lambda leaf: jnp.full_like(leaf, 0.1), fresh)  # no path is cancelled

    def pixel(image, column):
        return model.apply(positive, image)[0][0, 8, column].sum()

    slopes = jax.jit(jax.grad(pixel))
    for column in range(200, 216):  # wherever it lies in the grid of strides
        slope = slopes(image, column)
        reached = np.flatnonzero(np.abs(slope).sum((0, 1, 3)))
        assert 32 < np.abs(reached - column).max() <= restoration.MARGIN


def finished(folder, bias=0.0, ssim_weight=1.0, **options):
    """Finished stage of a restorer that adds `bias` and predicts an SSIM of 0.5."""
    options = {"name": "unet", "width": 1, "residual": True, **options}
    shapes = jax.eval_shape(
        models.build(**options).init, jax.random.key(0), jnp.zeros((1, SHRINK, SHRINK, 3))
    )
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes["params"])
    params["d5"]["bias"] += np.float32(bias)
    if "d6" in params:
        params["d6"]["bias"] += np.float32(0.5)
    state = init_state({"params": jax.tree.map(jnp.asarray, params)}, optax.identity(), 0)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        checkpoints.save(3, state, 0.0)
    facts = {"model": options, "fit": {"ssim_weight": ssim_weight}, "selected_step": 3}
    (folder / "stage.json").write_text(json.dumps(facts))
    return folder


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def decibels(image, ref):
    """PSNR in dB of float64 images in [0, 1]."""
    return -10 * np.log10(np.mean((image - ref) ** 2))


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """A multitask restorer with a valid map, and a single-task restorer without a map."""
    folder = tmp_path_factory.mktemp("stages")
    single = finished(folder / "single", -0.05, multitask=False)
    return finished(folder / "multi", 0.1), single


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Folders of distorted photographs, PNG, and of their references, BMP."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("distorted", "references"):
        (folder / name).mkdir()
    for name, shape in (("a", (32, 48, 3)), ("b$x$", (48, 32, 3))):
        ref = rng.integers(30, 226, shape, np.uint8)
        image = ref + rng.integers(0, 30, shape, np.uint8)
        Image.fromarray(ref).save(folder / "references" / f"{name}.bmp")
        Image.fromarray(image).save(folder / "distorted" / f"{name}.png")
    return folder / "distorted", folder / "references"


@pytest.fixture
def sheets(monkeypatch):
    """Arguments of the drawn sheets."""
    pytest.importorskip("matplotlib")
    drawn, draw = [], plots.sheet

    def keep(*args):
        drawn.append(args)
        draw(*args)

    monkeypatch.setattr(plots, "sheet", keep)
    return drawn


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def restore(*arguments):
    return main.main(["restore", *map(str, arguments)])


def test_several_restorers_are_shown_beside_the_reference(stages, photos, tmp_path, sheets, capsys):
    out = tmp_path / "out"
    by = [f"--checkpoint={stage}" for stage in stages]
    assert restore(photos[0], "-o", out, *by, "--ref", photos[1]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"jiqa: {stages[1]}: no SSIM map is written, as it is a single-task one"
    ]
    each = [f"{end}.png" for end in ("_1", "_1_map", "_2")]
    assert names(out) == sorted(["sheet.png", *(f"{n}{e}" for n in ("a", "b$x$") for e in each)])
    ((rows, columns, path, _),) = sheets
    assert path == out / "sheet.png"
    assert pixels(path).shape[0] > 2 * 32
    several = ["multitask (1)", "single-task (2)"]
    assert columns == ["reference", "distorted", *several]
    for name, (label, row) in zip(("a", "b$x$"), rows.items(), strict=True):
        ref, image = (
            pixels(folder / f"{name}{end}").astype(np.float64) / 255
            for folder, end in ((photos[1], ".bmp"), (photos[0], ".png"))
        )
        expected = [image, np.clip(image + 0.1, 0, 1), np.clip(image - 0.05, 0, 1)]
        for found, whole in zip(row, [ref, *expected], strict=True):
            np.testing.assert_allclose(found, whole[:32, :32], atol=1e-6)
        for i in (1, 2):
            restored = pixels(out / f"{name}_{i}.png")
            np.testing.assert_allclose(restored, 255 * expected[i], atol=0.51)
        shown = [
            f"{column} {decibels(made, ref):.2f} dB"
            for column, made in zip(["distorted", *several], expected, strict=True)
        ]
        assert label.split("\n") == [name, *shown]
        beside = pixels(out / f"{name}_1_map.png")
        width = image.shape[1]
        np.testing.assert_array_equal(beside[:, :width], pixels(out / f"{name}_1.png"))
        np.testing.assert_array_equal(beside[:, width:], 128)


def test_the_latest_restorer_is_taken_and_named(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    expected = "jiqa: error: runs/stages: found no finished stage of a restorer, expected one: "
    expected += "train it by python -m jiqa.main --config=configs/mt_irn.py, or give --checkpoint\n"
    assert restore(photos[0], "-o", "out") == 2
    assert capsys.readouterr().err == expected
    own = finished(tmp_path / "runs" / "mt_irn-0" / "split0" / "restore", 0.2)
    assert restoring.latest() == own.relative_to(tmp_path)  # of a run without a stage for all runs
    made = tmp_path / "runs" / "stages"
    finished(made / "restore-2", 0.1, ssim_weight=0.0)
    for name in ("restore-1", "ssim_map-3", "restore-4", "restore-5", "restore-6"):
        shutil.copytree(made / "restore-2", made / name)
    (made / "restore-4" / "stage.json").write_text('{"model": {"na')
    (made / "restore-5" / "stage.json").write_text(
        '{"model": {"name": "resnet"}, "fit": {}, "selected_step": 3}'
    )
    (made / "restore-6" / "stage.json").unlink()
    for time, name in enumerate(("restore-1", "restore-2", "ssim_map-3", "restore-4"), start=1):
        os.utime(made / name / "stage.json", (time, time))
    assert restore(photos[0], "-o", "out") == 0
    assert capsys.readouterr().err.splitlines() == [
        "jiqa: the latest restorer is runs/stages/restore-2",
        "jiqa: runs/stages/restore-2: no SSIM map is written, as its config argument ssim_weight "
        "was 0",
    ]
    assert names(tmp_path / "out") == ["a.png", "b$x$.png"]
    plain = pixels(photos[0] / "a.png").astype(np.float64)
    restored = np.clip(plain + 25.5, 0, 255)
    np.testing.assert_allclose(pixels(tmp_path / "out" / "a.png"), restored, atol=0.51)


def edited(**changes):
    def edit(stage):
        facts = json.loads((stage / "stage.json").read_text())
        facts = {**facts, **changes, "model": {**facts["model"], **changes.get("model", {})}}
        (stage / "stage.json").write_text(json.dumps(facts))

    return edit


def written(text):
    return lambda stage: (stage / "stage.json").write_text(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (written('{"model": {"na'), "/stage.json: found no whole JSON: Unterminated string"),
        (written("{}"), "/stage.json: model: found None, expected the folder of a finished stage"),
        (written("[]"), "/stage.json: model: found None, expected the folder of a finished stage"),
        (edited(fit=3), "/stage.json: fit: found 3, expected the folder of a finished stage"),
        (edited(selected_step=None), "/stage.json: selected_step: found None, expected"),
        (edited(selected_step=4), "/checkpoints/4: no such folder, expected the checkpoint that"),
        (edited(model={"name": "vgg"}), ": found the model 'vgg', expected the folder of a"),
        (edited(model={"width": 2}), "/checkpoints/3 for the model in stage.json: tensor "),
        (edited(model={"width": 0}), "/stage.json: found a model that cannot be built: "),
        (edited(model={"depth": 2}), "/stage.json: found a model that cannot be built: unet.depth"),
        (
            lambda stage: shutil.rmtree(stage / "checkpoints"),
            "/checkpoints/3: no such folder, expected the checkpoint that stage.json says",
        ),
        (
            lambda stage: shutil.rmtree(stage / "checkpoints" / "3" / "default"),
            "/checkpoints/3: Unable to retrieve default item.",
        ),
    ],
)
def test_a_stage_that_is_not_whole_is_one_line(stages, photos, tmp_path, capsys, change, message):
    stage = tmp_path / "stage"
    shutil.copytree(stages[0], stage)
    change(stage)
    before = sorted(stage.rglob("*"))
    good, bad = f"--checkpoint={stages[0]}", f"--checkpoint={stage}"
    assert restore(photos[0], "-o", tmp_path / "out", good, bad) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jiqa: error: {stage}{message}")
    assert sorted(stage.rglob("*")) == before
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_is_one_line(stages, photos, tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    for output, message in (
        ("file", "file: File exists, expected a folder to write"),
        ("file/out", "file/out: Not a directory, expected a folder to write"),
        ("out", "out/a.png: Is a directory, expected a file to write"),
    ):
        by = f"--checkpoint={stages[0]}"
        assert restore(photos[0] / "a.png", "-o", tmp_path / output, by) == 2
        assert capsys.readouterr().err == f"jiqa: error: {tmp_path}/{message}\n"
    assert (tmp_path / "file").read_text() == "kept"


def test_nothing_that_is_read_is_written_over(stages, photos, tmp_path, capsys):
    shutil.copy(photos[0] / "a.png", tmp_path / "sheet.png")
    shutil.copy(photos[1] / "a.bmp", tmp_path / "a.png")
    kept = (tmp_path / "a.png").read_bytes()
    several = [f"--checkpoint={stage}" for stage in stages]
    for image, ref, by in (
        (photos[0] / "a.png", tmp_path / "a.png", several[:1]),
        (tmp_path / "sheet.png", photos[1] / "a.bmp", several),
    ):
        assert restore(image, "-o", tmp_path, *by, "--ref", ref) == 2
        assert "found another photograph at" in capsys.readouterr().err
    assert names(tmp_path) == ["a.png", "sheet.png"]
    assert (tmp_path / "a.png").read_bytes() == kept


def test_a_photograph_without_its_reference_is_restored_and_told(
    stages, photos, tmp_path, sheets, capsys
):
    distorted = tmp_path / "distorted"
    shutil.copytree(photos[0], distorted)
    for name in ("c", "d"):
        shutil.copy(photos[0] / "a.png", distorted / f"{name}.png")
    refs = tmp_path / "references"
    shutil.copytree(photos[1], refs)
    shutil.copy(photos[1] / "b$x$.bmp", refs / "d.bmp")
    out, by = tmp_path / "out", f"--checkpoint={stages[1]}"
    assert restore(distorted, "-o", out, by, "--ref", refs) == 2
    assert [line for line in capsys.readouterr().err.splitlines() if "error" in line] == [
        f"jiqa: error: {distorted}/c.png: found no reference of this name among 3, expected one",
        f"jiqa: error: {refs}/d.bmp: found 32x48 pixels, expected 48x32 pixels, as "
        f"{distorted}/d.png has",
    ]
    assert names(out) == ["a.png", "b$x$.png", "c.png", "d.png", "sheet.png"]
    ((rows, columns, *_),) = sheets
    assert columns == ["reference", "distorted", "single-task"]
    assert [label.split("\n")[0] for label in rows] == ["a", "b$x$"]


def test_references_pair_as_for_scores(stages, photos, tmp_path, sheets, capsys):
    for folder, name in (("ra", "a"), ("rb", "a")):
        (tmp_path / folder).mkdir()
        shutil.copy(photos[1] / f"{name}.bmp", tmp_path / folder)
    image, by = photos[0] / "a.png", f"--checkpoint={stages[1]}"
    assert restore(image, "-o", tmp_path / "1", by, "--ref", tmp_path / "ra", tmp_path / "rb") == 2
    refs = ", ".join(str(tmp_path / folder / "a.bmp") for folder in ("ra", "rb"))
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert error.startswith(f"jiqa: error: {image}: found {refs} for {image} by their names")
    assert not sheets
    paired = ("--pair=position", "--ref", tmp_path / "ra")
    assert restore(image, "-o", tmp_path / "2", by, *paired) == 0
    assert len(sheets) == 1


def test_long_sheets_end_and_long_names_break(stages, photos, tmp_path, sheets, monkeypatch):
    monkeypatch.setattr(restoring, "ROWS", 1)
    name = f"{'long' * 9}er\udcff"  # a byte that is no UTF-8
    for i in (1, 2):
        shutil.copy(photos[0] / "a.png", tmp_path / f"{name}{i}.png")
    by, ref = f"--checkpoint={stages[1]}", photos[1] / "a.bmp"
    assert restore(tmp_path, "-o", tmp_path / "out", by, "--ref", ref) == 0
    ((rows, *_),) = sheets
    (label,) = rows
    assert label.split("\n")[:2] == [name[:36], "er\\udcff1"]
    assert len(names(tmp_path / "out")) == 3


def test_photographs_are_restored_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    Image.fromarray(stored).save(tmp_path / "photo.png", exif=exif)
    upright = restoring._decode(tmp_path / "photo.png")
    np.testing.assert_array_equal(upright, np.rot90(stored, -1))
