"""TTL-IQA's stages on a tiny `pocket`: shared results, resume, pictures, scores, refusals."""

import csv
import dataclasses
import json
import shutil

import fits
import jax
import numpy as np
import pytest
from flax import linen as nn
from kills import killed
from ml_collections import ConfigDict
from PIL import Image
from tasks.test_gan import Toy

from jiqa import models
from jiqa.cli import main
from jiqa.data import pipeline
from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.databases import photographs
from jiqa.databases.load import load_index
from jiqa.errors import InputError
from jiqa.experiment import run as experiment
from jiqa.experiment import stages
from jiqa.experiment.config import parse
from jiqa.models import vgg
from jiqa.results import plots
from jiqa.results.predictions import read_predictions
from jiqa.tasks import TASKS, Fitted, attention, gan, hallucinate, pictures
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
from jiqa.train import loop, mesh
from jiqa.train.dataset import Dataset

MESH = mesh.make(jax.devices()[:1])
STAGES = ("gan", "hallucinate", "levels", "scores")
PROTOCOL = {"kind": "random", "n": 1, "test": 0.25, "val": 0.34}


class Dim(nn.Module):
    @nn.compact
    def __call__(self, image):
        return self.param("number", nn.initializers.constant(0.9), ()) * image


class Dimmer(Toy):
    """A DT-GAN whose networks have one parameter each and dim their image."""

    part: type[nn.Module] = Dim

    def __call__(self, image, train=False):
        parts = self.recover, self.judge_distorted, self.judge_pristine
        return self.distort(image), [part(image) for part in parts]


@pytest.fixture(scope="module", autouse=True)
def small():
    """Replaces the networks by narrow ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.MODELS, "dimmer", Dimmer)
        patch.setattr(vgg, "STAGES", ((1, 1), (1, 1), (1, 2), (1, 2), (1, 4)))
        yield


@pytest.fixture(scope="module", autouse=True)
def small_pocket(tmp_path_factory):
    """A pocket database of four photographs, three 48x48 crops each, one type, two levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIQA_DATA_DIR", str(tmp_path_factory.mktemp("databases")))
        patch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[2:6])
        patch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
        patch.setattr(pocket, "LEVELS", (1, 5))
        patch.setattr(pocket, "GRID", (1, 3))
        patch.setattr(pocket, "SIDE", 48)
        yield


def config(**changes):
    """Config of all four stages: two updates of each of two DT-GANs, three of each network."""
    optim = {"learning_rate": 1e-3}
    network = {
        "name": "sftnet",
        "attention": True,
        "after": "conv5_1",
        "backbone": {"name": "vgg", "width": 2, "dense": 8},
    }
    fit = {"updates": 3, "batch_size": 4, "log_every": 1, "evaluate_updates": 1, "optim": optim}
    gan = {
        "levels": 2,
        "by_type": False,
        "semantic_weight": 0.0,
        "updates": 2,
        "batch_size": 2,
        "evaluate_updates": 1,
        "optim": {"name": "adam", **optim},
    }
    fields = {
        "run": "ttl_iqa/tiny",
        "data": {
            "database": "pocket",
            "config": "",
            "data_dir": "",
            "resident_mb": 64,
            "workers": 0,
        },
        "protocol": PROTOCOL,
        "view": {"resize": None, "crop": 32, "blocks": 1, "test_blocks": 2},
        "tests": {},
        "weights": "",
        "model": {},
        "stages": STAGES,
        "gan": {"task": "gan", "model": {"name": "dimmer"}, "fit": gan},
        "hallucinate": {"task": "hallucinate", "model": {"name": "dimmer"}, "fit": {}},
        "simulate": {
            "task": "simulate",
            "model": {},
            "fit": {"types": ("waterloo/jpeg",), "strengths": (1, 5)},
        },
        "levels": {
            "task": "levels",
            "model": {**network, "outputs": 2},
            "fit": {**fit, "attention": True},
            "database": "hallucinate",
            "init_from": {},
        },
        "scores": {
            "task": "scores",
            "model": network,
            "fit": {**fit, "attention": True},
            "init_from": {"": "levels"},
            "dont_load": ("^head/",),
        },
    }
    for name in ("gan", "hallucinate", "simulate"):
        fields[name]["pristine"] = {"view": {"resize": None, "crop": 24, "blocks": 1}}
    # Through JSON, so that no section is another one too.
    made = ConfigDict(json.loads(json.dumps(fields)))
    made.update_from_flattened_dict(changes)
    return made


@pytest.fixture
def undrawn(monkeypatch):
    """Switches pictures off, which take long and have tests of their own."""
    for name in ("loss_curves", "gan_curves", "scatter", "sheet", "feature_maps"):
        monkeypatch.setattr(plots, name, lambda *_: None)


def run(root, fields, name="run"):
    return experiment.run(fields, str(root / name), mesh=MESH, root=str(root))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of runs, and folder of the run."""
    root = tmp_path_factory.mktemp("finished")
    return root, run(root, config())


@pytest.fixture(scope="module")
def drawn(finished):
    """The database, and the split of the runs."""
    index, records = load_index("pocket")
    (split,) = Protocol(**PROTOCOL).splits(index)
    return index, records, split


def kept(root, name):
    """Folder of a stage whose result is shared between runs."""
    (found,) = (root / "stages").glob(f"{name}-*/")
    return found


@pytest.mark.slow
def test_a_run_goes_through_all_four_stages(finished, drawn):
    root, here = finished
    index, _, split = drawn
    (table,) = read_predictions(here)
    assert table.id.tolist() == index.id[split.test].tolist()
    assert len(set(table.prediction)) == len(table) == 6
    facts = json.loads((here / "split0" / "split.json").read_text())
    assert facts["steps"] == 2 * 2 + 3 + 3
    assert list(facts["stages"]) == list(STAGES)
    assert facts["stages"]["gan"]["folder"] == str(kept(root, "gan"))
    assert "seen" not in facts["stages"]["gan"]
    told = json.loads((kept(root, "gan") / stages.FACTS).read_text())
    assert told["seen"] == sorted(set(index.content_hash[split.train]))


@pytest.mark.slow
def test_photographs_of_the_database_are_those_of_training_contents_alone(finished, drawn):
    index, _, split = drawn
    made, _ = hallucinate.database(kept(finished[0], "hallucinate") / pictures.DATABASES)
    training = set(index.content_id[split.train])
    assert len(training) == 2
    assert set(made.content_id) == {f"{name}_{crop}" for name in training for crop in range(3)}
    assert len(made) == 2 * 6


@pytest.mark.slow
def test_a_run_killed_in_every_stage_and_resumed_ends_as_one_never_killed(
    finished, tmp_path, undrawn
):
    for place in (
        (loop.Report, "validation", 4),  # after the last update of the second DT-GAN
        (pictures, "_save", 8),  # a picture of the third photograph
        (loop.Report, "validation", 2),  # after the second update of `levels`
        (loop.Report, "validation", 3 + 2),  # the same of `scores`
    ):
        with killed(*place):
            run(tmp_path, config())
        assert not list(tmp_path.rglob("predictions.csv"))
    assert {path.name for path in (tmp_path / "run" / "split0").iterdir()} == {"levels", "scores"}
    run(tmp_path, config())
    ours, theirs = (root / "run" / "split0" / "predictions.csv" for root in (tmp_path, finished[0]))
    assert ours.read_bytes() == theirs.read_bytes()
    ours, theirs = (
        kept(root, "hallucinate") / pictures.PICTURES for root in (tmp_path, finished[0])
    )
    for path in theirs.rglob("*.png"):
        assert (ours / path.relative_to(theirs)).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_another_run_of_the_split_takes_the_dt_gans_and_pictures_as_they_are(
    finished, undrawn, monkeypatch
):
    root, here = finished

    def times():
        learned = (root / "stages").glob("*/all-*/checkpoints/**/*")
        made = (kept(root, "hallucinate") / pictures.PICTURES).rglob("*")
        return {path: path.stat().st_mtime_ns for path in (*learned, *made) if path.is_file()}

    before = times()
    assert {path.suffix for path in before} >= {".png", ".csv", ""}
    fields = config(run="ttl_iqa/gan-vgg")
    for stage in (fields.levels, fields.scores):
        stage.model.attention = stage.fit.attention = False
    plain = run(root, fields, "plain")
    assert times() == before
    assert len(list((root / "stages").glob("*/"))) == 2
    ours, theirs = (read_predictions(folder)[0].prediction for folder in (plain, here))
    assert np.abs(ours - theirs).min() > 0


@pytest.mark.slow
def test_attention_is_drawn_on_the_best_the_middle_and_the_worst_test_image(
    finished, drawn, tmp_path, monkeypatch
):
    index, records, split = drawn
    with Image.open(finished[1] / "split0" / "scores" / attention.SHEET) as picture:
        assert picture.format == "PNG"
    shown = {}
    monkeypatch.setattr(
        attention, "draw", lambda model, variables, images, *_: shown.update(images)
    )
    source = pipeline.source(index, records, View(None, 32, 1), resident_mb=64, workers=0)
    data = Dataset(index, source)
    here = fits.context(Dimmer(), {}, data, split, None, tmp_path, MESH)
    attention.show(here, {})
    score = index.score[split.test]
    names = index.id[split.test[np.argsort(-score, kind="stable")]][[0, 2, 5]]
    assert [label.split("\n")[0] for label in shown] == names.tolist()
    assert [label.split("\n")[1] for label in shown] == [
        f"pseudo_mos {value:.3g}" for value in np.sort(score)[::-1][[0, 2, 5]]
    ]
    for name, image in zip(names, shown.values(), strict=True):
        whole = source.load(index.id.tolist().index(name))
        np.testing.assert_array_equal(image, whole[8:40, 8:40])
    shown.clear()
    untested = dataclasses.replace(split, test=split.test[:0])
    attention.show(dataclasses.replace(here, split=untested), {})
    (tmp_path / attention.SHEET).touch()
    attention.show(here, {})
    assert not shown


@pytest.mark.slow
def test_synthetic_distortions_stand_in_for_the_gan(tmp_path, drawn, undrawn):
    index, _, split = drawn
    fields = config(stages=("simulate", "levels", "scores"))
    fields.levels.database = "simulate"
    here = run(tmp_path, fields)
    (table,) = read_predictions(here)
    assert np.isfinite(table.prediction).all()
    made, _ = hallucinate.database(kept(tmp_path, "simulate") / pictures.DATABASES)
    assert set(made.distortion) == {"jpeg"}
    names = {name.rpartition("_")[0] for name in made.content_id}
    assert names == set(index.content_id[split.train])
    facts = json.loads((here / "split0" / "split.json").read_text())
    assert facts["stages"]["levels"]["test_images"] == 2  # of one photograph in six


@pytest.fixture(scope="module")
def tested(drawn, tmp_path_factory):
    """Test images of the split, as files."""
    index, records, split = drawn
    folder = tmp_path_factory.mktemp("tested")
    for row in split.test:
        (folder / f"{index.id[row]}.png").write_bytes(records[index.record[row]])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["", "split0"])
def test_files_are_scored_by_what_a_run_has_learned(finished, tested, inner, capsys):
    name = str(finished[1] / inner)
    (tested / "broken.png").write_bytes(b"not a picture")
    Image.new("RGB", (40, 31)).save(tested / "low.png")
    assert main.main(["score", str(tested), "--metric", name, "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    scores = {row["file"]: row[name] for row in csv.DictReader(out.splitlines())}
    (table,) = read_predictions(finished[1])
    for id, prediction in zip(table.id, table.prediction, strict=True):
        assert float(scores[str(tested / f"{id}.png")]) == pytest.approx(prediction, rel=1e-5)
    assert "broken.png: 13 bytes of no known format" in err
    assert "low.png: 31x40 pixels (height x width) found, expected at least 32x32" in err
    assert err.count("\n") == 2


@pytest.mark.slow
def test_a_folder_that_gives_no_scores_is_named(finished, tested, tmp_path, capsys):
    root, here = finished
    ridge = tmp_path / "ridge"
    (ridge / "split0").mkdir(parents=True)
    (ridge / "split0" / "split.json").write_text("{}")
    fields = config(stages=("fit",)).to_dict() | {"fit": {"task": "ridge", "model": {}}}
    (ridge / "run.json").write_text(json.dumps({"config": fields}))
    (ridge / "split0" / "fit").mkdir()
    (ridge / "split0" / "fit" / stages.FACTS).write_text('{"model": {}}')
    older = tmp_path / "older"
    shutil.copytree(ridge, older)
    old = json.dumps({"config": fields | {"fit": {"step": "ridge"}}})
    (older / "run.json").write_text(old)
    for folder, said in (
        (tested, ": found 0 trained splits, expected the folder of a run of one"),
        (kept(root, "gan"), ": found 0 trained splits"),
        (ridge, "/split0/fit: found a task that keeps nothing to score by"),
        (older, "/run.json: found a config of another version of jiqa: fit.task: found None"),
    ):
        assert main.main(["score", str(tested), "--metric", str(folder)]) == 2
        assert f"jiqa: error: {folder}{said}" in capsys.readouterr().err
    params = ["--params", f"{here}=a.mat"]
    assert main.main(["score", str(tested), "--metric", str(here), *params]) == 2
    assert f"{here}: found params 'a.mat', expected none" in capsys.readouterr().err


@pytest.mark.slow
def test_a_stage_that_has_learned_from_a_test_content_is_refused(drawn, tmp_path, monkeypatch):
    index, _, split = drawn
    row = split.test[0]

    class Leaking(gan.Gan):
        def fit(self, context):
            return Fitted(None, {}, {"seen": [index.content_hash[row]]})

    monkeypatch.setitem(TASKS, "gan", Leaking())
    said = rf"pocket: content '{index.content_id[row]}' was trained on and is to be tested on"
    with pytest.raises(InputError, match=said):
        run(tmp_path, config())
    assert not list(tmp_path.rglob("hallucinate-*"))


def test_a_stage_has_the_run_s_model_its_own_or_none():
    fields = config(stages=("simulate", "levels", "scores")).to_dict()
    fields["levels"]["database"] = "simulate"
    fields["model"], own = {"name": "resnet"}, fields["levels"]["model"]
    del fields["scores"]["model"]
    assert [stage.model for stage in parse(fields).stages] == [{}, own, fields["model"]]


def test_photographs_of_the_tested_database_are_refused(tmp_path):
    fields = config(**{"gan.pristine.photographs": "pocket"})
    with pytest.raises(InputError, match=r"gan.pristine: found photographs of the family pocket"):
        run(tmp_path, fields)
    references, noise = tmp_path / "references", tmp_path / "noise"
    for folder in (references, noise):
        folder.mkdir()
    Image.fromarray(photographs.load("pocket").load(4)).save(references / "a.png")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
    Image.fromarray(pixels).save(noise / "b.png")
    with pytest.raises(InputError, match=r"hallucinate.pristine: found a in .* looks like .* of"):
        run(tmp_path, with_more(noise, references))
    assert not (tmp_path / "run").exists()


def with_more(pristine, more):
    fields = config()
    for name in ("gan", "hallucinate"):
        fields[name].pristine.photographs = str(pristine)
    fields.hallucinate.pristine.update({"more": str(more), "extra": 1})
    return fields


def test_the_config_hash_is_of_the_photographs_not_of_where_they_lie(tmp_path):
    def folder(name, grey):
        (tmp_path / name).mkdir()
        Image.new("RGB", (48, 48), (grey,) * 3).save(tmp_path / name / f"grey{grey}.png")
        return tmp_path / name

    def hashed(greys, more):
        parsed = parse(with_more(greys, more).to_dict())
        return experiment.config_hash(parsed, stages.Stages(parsed, tmp_path, MESH).photographs)

    first = folder("a", 1), folder("b", 2)
    moved = folder("c", 1), folder("d", 2)
    other = folder("e", 3)
    assert hashed(*first) == hashed(*moved)
    assert len({hashed(*first), hashed(first[0], other), hashed(other, first[1])}) == 3


@pytest.mark.parametrize(
    ("order", "changes", "message"),
    [
        (("hallucinate", "levels"), {}, "hallucinate: found nothing before it, expected the task"),
        (("simulate", "hallucinate", "levels"), {}, "hallucinate: found simulate before it"),
        (("levels",), {}, "levels.database: found 'hallucinate', expected none, as no earlier"),
        (STAGES, {"levels.database": "gan"}, "database: found 'gan', expected hallucinate"),
        (("scores", "gan", "scores"), {}, "gan: found photographs of its own after a stage that"),
        (("gan",), {}, "stages: found gan at the end, expected one that gives scores"),
        (("gan", "hallucinate"), {}, "stages: found hallucinate at the end"),
        (("simulate",), {}, "stages: found simulate at the end"),
        (STAGES, {"gan.pristine": None}, "gan.pristine: found none, expected some with the task"),
        (
            STAGES,
            {"scores.pristine": {"view": {"resize": None, "crop": 24, "blocks": 1}}},
            "scores.pristine: found some, expected none with the task scores",
        ),
        (
            STAGES,
            {"gan.pristine.extra": 3},
            "photographs, more, extra: found '', '' and 3, expected further photographs and how",
        ),
        (STAGES, {"gan.pristine.held_out": 1.0}, "held_out: found 1.0, expected a share in"),
        (STAGES, {"scores.task": "hallucinated"}, "scores.task: found 'hallucinated', expected"),
    ],
)
def test_stages_that_cannot_be_are_told_before_anything_is_trained(
    order, changes, message, tmp_path
):
    fields = config(stages=order).to_dict()
    for path, value in changes.items():
        *sections, field = path.split(".")
        place = fields
        for section in sections:
            place = place[section]
        place[field] = value
    with pytest.raises(InputError, match=message):
        parse(fields)
    assert not list(tmp_path.iterdir())
