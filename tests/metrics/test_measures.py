"""One template for every measure in the registry; what is particular to one is in fr/ and nr/."""

import functools
import inspect
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest

import jiqa
from jiqa.errors import InputError
from jiqa.metrics import registry
from jiqa.ops import check, colour, masks

# Parameters that the package doesn't hold, by measure: files of the shared folder.
PARAMS = {
    "lpips": ("weights/alexnet_conv.npz", "weights/lpips_linear.npz"),
    "lpips.vgg": ("weights/vgg16_conv.npz", "weights/lpips_linear.npz"),
}

# What a measure says of equal images.
IDENTITY = {"psnr": np.inf, "psnry": np.inf, "psnry.pyiqa": np.inf}

REFERENCE: dict[str, dict] = {}
for _file in sorted((Path(__file__).parent / "reference").glob("*.json")):
    REFERENCE |= json.loads(_file.read_text())

# Features looked up in a table, where the last digit of a moment decides between two entries.
LOOKUP = {"ilniqe": 1e-4, "niqe": 1e-4, "brisque": 1e-4}

# Tests compute little, so that compiling quickly pays, but for the large images of these.
COMPUTES = ("ilniqe",)

USUAL = ("astronaut/none", "coffee/jpeg", "chelsea/blur", "chelsea/noise")


@pytest.fixture(params=registry.METRICS)
def metric(request):
    name = request.param
    jax.config.update("jax_disable_most_optimizations", name not in COMPUTES)
    if name not in PARAMS:
        return _metric(name, None)
    folder = request.getfixturevalue("shared")
    return _metric(name, tuple(folder / file for file in PARAMS[name]))


@functools.cache
def _metric(name, params):
    return jiqa.create_metric(name, params)


def _arguments(metric, pairs):
    """uint8 [b, h, w, 3] each: the images, and their originals if the measure takes them."""
    images, refs = (np.stack(side) for side in zip(*pairs, strict=True))
    return (images, refs) if metric.kind == "fr" else (images,)


def _recipes(metric):
    known = REFERENCE.get(metric.name, {"values": USUAL})["values"]
    return list(dict.fromkeys((*known, *USUAL)))


@functools.cache
def _scores(metric):
    """{recipe: score}, of one batch."""
    recipes = _recipes(metric)
    scores = metric(*_arguments(metric, map(photos.recipe, recipes)))
    assert scores.dtype == jnp.float32
    assert scores.shape == (len(recipes),)
    return dict(zip(recipes, np.asarray(scores), strict=True))


def _small(metric, recipe="coffee/jpeg"):
    """The arguments, float32 [1, h, w, 3], of a crop that is quick to differentiate."""
    side = max(48, metric.entry.least)
    pairs = [[x[:side, : side + 8] for x in photos.recipe(recipe)]]
    arguments = check.images(*_arguments(metric, pairs), least=metric.entry.least)
    return [x for x in arguments if x is not None]


@functools.cache
def _slope(metric):
    """Value and gradient, of grey that is not rounded: what the gradient is defined by."""
    entry = metric.entry
    function = functools.partial(registry.resolve(entry.build), **entry.options)
    slope = jax.jit(jax.value_and_grad(lambda *x, **params: function(*x, **params).sum()))
    params = {} if metric.params is None else {"params": metric.params}
    compiled = functools.partial(slope, **params)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(colour, "nearest", lambda x: x)
        compiled(*_small(metric))
    return compiled


def test_references_are_of_measures():
    assert set(REFERENCE) <= set(registry.METRICS)


def test_scores_are_the_peers(metric):
    if metric.name not in REFERENCE:
        pytest.skip("compared with no peer here")
    reference, scores = REFERENCE[metric.name], _scores(metric)
    got = [scores[recipe] for recipe in reference["values"]]
    expected = list(reference["values"].values())
    np.testing.assert_allclose(got, expected, reference["rtol"], reference.get("atol", 0))


def test_scores_are_in_range(metric):
    low, high = metric.score_range
    for recipe, score in _scores(metric).items():
        assert not np.isnan(score), recipe
        assert low is None or score >= low, recipe
        assert high is None or score <= high, recipe


def test_equal_images_score_best(metric):
    if metric.kind == "nr":
        pytest.skip("looks at one image")
    scores = _scores(metric)
    best = scores["astronaut/none"]
    usual = 0.0 if metric.lower_better else 1.0
    assert best == IDENTITY.get(metric.name, usual)
    others = np.array([scores[r] for r in scores if not r.endswith("/none")])
    assert np.all(others > best if metric.lower_better else others < best)


def test_equal_images_score_exactly_the_best_whatever_they_show(metric):
    if metric.kind == "nr":
        pytest.skip("looks at one image")
    best = IDENTITY.get(metric.name, 0.0 if metric.lower_better else 1.0)
    side = max(96, metric.entry.least)
    photo = photos.photo("chelsea")[: side + 3, : side + 8]
    noise = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
    images = [photo, noise, *(np.full_like(photo, level) for level in (0, 77, 255))]
    for batch in (np.stack(images), photo[None, :side, :side]):
        np.testing.assert_array_equal(metric(batch, batch), best)
    if metric.entry.masks:
        sizes = [photo, photo[:side], noise[:, :side]]
        np.testing.assert_array_equal(metric(sizes, sizes), best)


def test_black_against_white_is_in_range(metric):
    if metric.kind == "nr":
        pytest.skip("looks at one image")
    low, high = metric.score_range
    black = np.zeros((metric.entry.least, metric.entry.least, 3), np.uint8)
    score = np.float32(metric(black, 255 - black))
    assert np.isfinite(score)
    assert low is None or score >= low
    assert high is None or score <= high
    assert score != 0 or not np.signbit(score)


def test_one_image_scores_as_in_a_batch_whatever_its_type(metric):
    images = _arguments(metric, [photos.recipe("coffee/jpeg")])
    expected = _scores(metric)["coffee/jpeg"]
    as_bytes = metric(*(x[0] for x in images))
    assert as_bytes.shape == ()
    rtol = LOOKUP.get(metric.name, 1e-5)
    np.testing.assert_allclose(as_bytes, expected, rtol, atol=1e-6)
    for dtype in (np.float32, np.float64):
        as_floats = metric(*(jnp.asarray((x / 255).astype(dtype)) for x in images))
        np.testing.assert_allclose(as_floats, as_bytes[None], rtol, atol=1e-6)


def test_grey_is_three_equal_channels(metric):
    images = [x[0, ..., 1] for x in _arguments(metric, [photos.recipe("coffee/jpeg")])]
    colours = [np.repeat(x[..., None], 3, axis=-1) for x in images]
    np.testing.assert_allclose(metric(*images), metric(*colours), rtol=1e-6)


def _differentiable(metric):
    if not metric.entry.differentiable:
        pytest.skip("has steps")


def test_gradient_is_the_slope(metric):
    _differentiable(metric)
    slope, arguments = _slope(metric), _small(metric)
    _, gradient = slope(*arguments)
    assert gradient.shape == arguments[0].shape
    assert np.isfinite(gradient).all()
    size = float(jnp.abs(gradient).max())
    assert size > 0
    step = gradient / size / 2550  # small beside the kinks of maxima and rectifiers
    after, before = (slope(arguments[0] + s * step, *arguments[1:])[0] for s in (1, -1))
    rounding = 100 * np.finfo(np.float32).eps * max(1.0, abs(float(after)))
    expected = 2 * (gradient * step).sum()
    np.testing.assert_allclose(after - before, expected, rtol=0.02, atol=rounding)


def test_gradient_is_finite_wherever_the_value_is(metric):
    """Of equal images, flat ones, black against white, alone and beside each other."""
    _differentiable(metric)
    image, *ref = _small(metric)
    flat, black = jnp.full_like(image, 0.5), jnp.zeros_like(image)
    pairs = [(image, *ref), (image, image), (flat, flat), (flat, *ref), (black, 1 - black)]
    pairs = [pair[: 1 + len(ref)] for pair in pairs]
    together = [jnp.concatenate(side) for side in zip(*pairs, strict=True)]
    for images in (*pairs, together):
        _, gradients = _slope(metric)(*images)
        assert np.isfinite(gradients).all()
    scores = np.asarray(metric(*together))
    assert not np.isnan(scores).any()
    if metric.kind == "fr":
        assert np.isfinite(scores[[0, 3, 4]]).all()
    if IDENTITY.get(metric.name):
        np.testing.assert_array_equal(gradients[1:3], 0)


def test_wrong_images_are_refused_in_one_line(metric):
    images = _arguments(metric, [photos.recipe("coffee/jpeg")])
    with pytest.raises(InputError, match=r"found float64 in \[.*\], expected uint8") as error:
        metric(*(x.astype(float) for x in images))
    assert "\n" not in str(error.value)
    least = metric.entry.least
    if least > 1:
        with pytest.raises(InputError, match=f"expected {least} or more on each side"):
            metric(*(x[:, : least - 1] for x in images))
    wrong = images[:1] if metric.kind == "fr" else images * 2
    with pytest.raises(InputError, match=rf"{metric.name}: found (no|a) ref, expected"):
        metric(*wrong)


def test_padding_changes_no_score(metric):
    if not metric.entry.masks:
        pytest.skip("takes one size at a time")
    assert "size" in inspect.signature(registry.resolve(metric.entry.build)).parameters
    more = ((0, 57), (0, 43), (0, 0))
    larger = [np.pad(x, more, "symmetric") for x in photos.recipe("chelsea/noise")]
    pairs = [photos.recipe("coffee/jpeg"), larger]
    padded = {tuple(map(masks.bucket, image.shape[:2])) for image, _ in pairs}
    assert len(padded) == 1
    assert not padded & {image.shape[:2] for image, _ in pairs}
    sides = [list(side) for side in zip(*pairs, strict=True)]
    together = metric(*sides[: 2 if metric.kind == "fr" else 1])
    alone = [_scores(metric)["coffee/jpeg"], metric(*_arguments(metric, [larger]))[0]]
    np.testing.assert_allclose(together, alone, LOOKUP.get(metric.name, 1e-5))


def test_images_of_many_sizes_are_prepared_to_few(metric, monkeypatch):
    if not metric.entry.prepare:
        pytest.skip("takes images as they are")
    picture = photos.recipe("coffee/jpeg")[0]
    images = [picture[:h, :w] for h, w in ((185, 239), (178, 192), (150, 210))]
    shapes = []
    run = metric._score
    monkeypatch.setattr(
        metric, "_score", lambda x, **rest: shapes.append(x.shape[1:]) or run(x, **rest)
    )
    together = metric(images)
    assert len(set(shapes)) == 1
    whole = registry.resolve(metric.entry.build)
    alone = jax.jit(whole)(jnp.asarray(images[1][None] / np.float32(255)), params=metric.params)
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-4)


def test_the_least_size_is_enough(metric):
    least = jax.ShapeDtypeStruct((1, metric.entry.least, metric.entry.least, 3), jnp.float32)
    images = (least, least) if metric.kind == "fr" else (least,)
    assert jax.eval_shape(metric, *images).shape == (1,)
