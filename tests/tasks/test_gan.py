"""Update of a DT-GAN: losses and one update computed in NumPy, history, devices."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jiqa.models.layers import Conv
from jiqa.tasks import gan_update
from jiqa.train import mesh
from jiqa.train.optim import Optim
from jiqa.train.update import init_state

RNG = np.random.default_rng(0)


def stored(arrays, batch):
    return batch["pristine"], batch["distorted"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_adversarial_losses_are_equations_9_and_10():
    real, fake = RNG.normal(0, 2, (2, 3, 5, 5))
    expected = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()
    assert float(gan_update.discriminator_loss(real, fake)) == pytest.approx(expected, rel=1e-5)
    as_printed = np.log(1 - sigmoid(fake)).mean()
    assert float(gan_update.generator_loss(fake, True)) == pytest.approx(as_printed, rel=1e-5)
    turned = -np.log(sigmoid(fake)).mean()
    assert float(gan_update.generator_loss(fake)) == pytest.approx(turned, rel=1e-5)


def test_a_sure_discriminator_still_teaches_and_nothing_overflows():
    sure = jnp.full((1, 2, 2), -200.0)
    assert float(gan_update.generator_loss(sure)) == pytest.approx(200)
    assert float(gan_update.discriminator_loss(sure, -sure)) == pytest.approx(400)
    slope = jax.grad(lambda logit: gan_update.generator_loss(logit[None]))(jnp.float32(-200))
    assert float(slope) == pytest.approx(-1)
    assert (
        float(jax.grad(lambda x: gan_update.generator_loss(x[None], True))(jnp.float32(-200))) == 0
    )


def test_squared_error_is_the_mean_over_all_values():
    a, b = RNG.uniform(size=(2, 3, 4, 4, 3))
    assert float(gan_update.squared_error(a, b)) == pytest.approx(((a - b) ** 2).mean(), rel=1e-5)


def test_collapse_tells_nothing_done_one_thing_done_and_one_image():
    x, noise = RNG.uniform(0.2, 0.8, (2, 4, 6, 6, 3)).astype(np.float32)
    same = gan_update.collapse(x, x)
    assert [float(same[name]) for name in ("change", "change_spread")] == [0, 0]
    assert float(same["image_spread"]) == pytest.approx(1)
    shifted = gan_update.collapse(x, x + np.float32(0.125))
    assert float(shifted["change"]) == pytest.approx(0.125, rel=1e-5)
    assert float(shifted["change_spread"]) == pytest.approx(0, abs=1e-6)
    one = gan_update.collapse(x, np.broadcast_to(noise[:1], x.shape))
    assert float(one["image_spread"]) == pytest.approx(0, abs=1e-6)
    other = gan_update.collapse(x, noise)
    assert float(other["change_spread"]) == pytest.approx(np.std(noise - x, axis=0).mean(), 1e-5)
    ratio = np.std(noise, axis=0).mean() / np.std(x, axis=0).mean()
    assert float(other["image_spread"]) == pytest.approx(ratio, rel=1e-5)
    alone = gan_update.collapse(x[:1], noise[:1])
    assert np.isnan(alone["change_spread"])
    assert np.isnan(alone["image_spread"])


def numbered(first, count):
    return np.broadcast_to(np.arange(first, first + count)[:, None, None, None], (count, 2, 2, 3))


def test_half_of_what_is_shown_is_older_and_each_image_is_shown_once():
    remember = jax.jit(gan_update.remember)
    history = jnp.full((6, 2, 2, 3), -1.0)
    seen, kept = [], np.zeros(0)
    for step in range(400):
        images = numbered(2 * step, 2).astype(np.float32)
        shown, after = remember(history, images, step, jax.random.key(step))
        shown, kept = np.asarray(shown)[:, 0, 0, 0], np.asarray(after)[:, 0, 0, 0]
        if step < 3:
            np.testing.assert_array_equal(shown, images[:, 0, 0, 0])
            np.testing.assert_array_equal(kept[: 2 * step + 2], np.arange(2 * step + 2))
        else:
            before = np.asarray(history)[:, 0, 0, 0]
            older = shown < 2 * step
            assert np.isin(shown[older], before).all()
            # What was not shown of the new took the places of the old that were.
            new = images[:, 0, 0, 0]
            expected = {*before, *new[older]} - {*shown[older]}
            assert set(kept) == expected
            seen += older.tolist()
        history = after
    assert 0.4 < np.mean(seen) < 0.6


class Scale(nn.Module):
    @nn.compact
    def __call__(self, x):
        return self.param("number", nn.initializers.ones, ()) * x


class Layer(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.sigmoid(
            nn.InstanceNorm(dtype=x.dtype)(Conv(3, 3, use_bias=False, dtype=x.dtype)(x))
        )


class Toy(nn.Module):
    """Networks with one parameter each, so that an update can be computed by hand."""

    part: type[nn.Module] = Scale

    def setup(self):
        self.d_generator, self.h_generator = self.part(), self.part()
        self.d_discriminator, self.h_discriminator = self.part(), self.part()
        self.backbone = Scale()

    def distort(self, image):
        return self.d_generator(image)

    def recover(self, image):
        return self.h_generator(image)

    def judge_distorted(self, image):
        return self.d_discriminator(image).mean(-1)

    def judge_pristine(self, image):
        return self.h_discriminator(image).mean(-1)

    def semantics(self, image):
        return self.backbone(image.mean((1, 2)))


START = {"d_generator": 0.9, "h_generator": 1.2, "d_discriminator": 0.7, "h_discriminator": -0.5}
PHI = 3.0


def slope(function, values):
    """Central differences of a function of several numbers."""
    steps = 1e-5 * np.eye(len(values))
    return [(function(*values + h) - function(*values - h)) / 2e-5 for h in steps]


def by_hand(x, y, rate, saturating, joint):
    """Parameters after one update by gradient descent, and losses, in float64."""
    a, b, c, d = START.values()

    def disc(real, fake):
        return -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()

    def discriminators(c, d):
        fakes = (a * x).mean(-1), (a * b * x).mean(-1)
        return disc(c * y.mean(-1), c * fakes[0]) + disc(d * x.mean(-1), d * fakes[1])

    before = discriminators(c, d)
    c, d = np.array([c, d]) - rate * np.array(slope(discriminators, np.array([c, d])))

    def adversarial(logits):
        p = sigmoid(logits)
        return np.log(1 - p).mean() if saturating else -np.log(p).mean()

    def generators(a, b):
        recovered = (a if joint else START["d_generator"]) * b * x
        pixel = ((recovered - x) ** 2).mean()
        semantic = (PHI**2 * (recovered - x).mean((1, 2)) ** 2).mean()
        fooled = adversarial(c * (a * x).mean(-1)) + adversarial(d * recovered.mean(-1))
        return fooled + 10 * (pixel + 0.5 * semantic)

    loss = generators(a, b)
    gradient = np.array(slope(generators, np.array([a, b])))
    a, b = np.array([a, b]) - rate * gradient
    return [a, b, c, d], {"loss": loss, "discriminators": before, "norm": np.hypot(*gradient)}


@pytest.mark.parametrize(("saturating", "joint"), [(False, True), (False, False), (True, True)])
def test_one_update_is_that_worked_out_by_hand(saturating, joint):
    pixels = RNG.integers(0, 256, (2, 2, 1, 6, 6, 3), np.uint8)
    batch = {"pristine": pixels[0], "distorted": pixels[1]}
    x, y = pixels[:, :, 0].astype(np.float64) / 255
    expected, said = by_hand(x, y, 0.1, saturating, joint)
    params = {name: {"number": jnp.float32(value)} for name, value in START.items()}
    both = gan_update.Sides(optax.sgd(0.1), optax.sgd(0.1), 0, 6)
    state = init_state({"params": params}, both, 0, ema=0.9)
    arrays = {"backbone": {"number": jnp.float32(PHI)}}
    update = gan_update.make_update(Toy(), both, stored, 10.0, 0.5, saturating, joint, ema=0.9)
    state, metrics = jax.jit(update)(state, batch, arrays)
    found = {name: float(value["number"]) for name, value in state.params.items()}
    assert [found[name] for name in START] == pytest.approx(expected, rel=1e-4)
    average = {name: float(value["number"]) for name, value in state.ema.items()}
    kept = [0.9 * old + 0.1 * new for old, new in zip(START.values(), expected, strict=True)]
    assert [average[name] for name in START] == pytest.approx(kept, rel=1e-4)
    assert set(metrics) == {"loss", "grad_norm", *gan_update.METRICS}
    assert float(metrics["loss"]) == pytest.approx(said["loss"], rel=1e-4)
    assert float(metrics["grad_norm"]) == pytest.approx(said["norm"], rel=1e-3)
    discerned = metrics["discriminator_d"] + metrics["discriminator_h"]
    assert float(discerned) == pytest.approx(said["discriminators"], rel=1e-4)
    assert float(metrics["change"]) == pytest.approx(0.1 * x.mean(), rel=1e-4)
    assert int(state.step) == 1


def test_without_a_semantic_loss_phi_is_not_needed():
    pixels = RNG.integers(0, 256, (2, 1, 1, 6, 6, 3), np.uint8)
    batch = {"pristine": pixels[0], "distorted": pixels[1]}
    params = {name: {"number": jnp.float32(value)} for name, value in START.items()}
    both = gan_update.Sides(optax.sgd(0.1), optax.sgd(0.1), 0, 6)
    update = gan_update.make_update(Toy(), both, stored, semantic_weight=0.0)
    _, metrics = jax.jit(update)(init_state({"params": params}, both, 0), batch, {})
    x = pixels[0, :, 0] / 255
    assert float(metrics["pixel"]) == pytest.approx(
        ((0.9 * 1.2 - 1) * x).var() + (((0.9 * 1.2 - 1) * x).mean() ** 2), rel=1e-4
    )
    assert float(metrics["semantic"]) == 0


def test_each_side_has_its_own_optimiser_and_history():
    params = {name: {"number": jnp.float32(value)} for name, value in START.items()}
    described = Optim("adam", 0.1, schedule="constant", momentum=0.5)
    both = gan_update.sides(described, params, 10, history=4, crop=8)
    state = both.init(params)
    shapes = {name: kept.shape for name, kept in state["history"].items()}
    assert shapes == dict.fromkeys(gan_update.DISCRIMINATORS, (4, 8, 8, 3))
    for name, parts in (
        ("generators", gan_update.GENERATORS),
        ("discriminators", gan_update.DISCRIMINATORS),
    ):
        grads = {part: {"number": jnp.float32(2.0)} for part in parts}
        moves, _ = getattr(both, name).update(grads, state[name], grads)
        # Adam's first update is the rate itself.
        found = {part: float(move["number"]) for part, move in moves.items()}
        assert found == pytest.approx(dict.fromkeys(parts, -0.1), rel=1e-5)
    assert "history" not in gan_update.sides(described, params, 10).init(params)


def test_one_two_and_eight_devices_agree_in_x64():
    pixels = RNG.integers(0, 256, (2, 8, 1, 6, 6, 3), np.uint8)
    batch = {"pristine": pixels[0], "distorted": pixels[1]}
    with jax.enable_x64(True):
        model = Toy(Layer)
        made = jax.eval_shape(
            lambda key, x: {
                name: Layer().init(key, x)["params"]
                for name in (*gan_update.GENERATORS, *gan_update.DISCRIMINATORS)
            },
            jax.random.key(0),
            jnp.zeros((1, 6, 6, 3)),
        )
        rng = np.random.default_rng(0)
        start = jax.tree.map(lambda leaf: rng.normal(0, 0.3, leaf.shape), made)
        arrays = {"backbone": {"number": jnp.float64(PHI)}}
        both = gan_update.Sides(optax.sgd(0.1), optax.sgd(0.1), 8, 6)
        update = gan_update.make_update(model, both, stored)
        ends = []
        for count in (1, 2, 8):
            where = mesh.make(jax.devices()[:count])
            compiled = jax.jit(update, out_shardings=mesh.replicated(where))
            state = init_state({"params": start}, both, seed=0)
            state = jax.device_put(state, mesh.replicated(where))
            for each in mesh.to_device([batch] * 3, where):
                state, metrics = compiled(state, each, arrays)
            ends.append(jax.device_get((state.params, state.opt_state["history"], metrics)))
    for end in ends[1:]:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9), ends[0], end
        )
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), ends[0][0], start)
    assert min(jax.tree.leaves(moved)) > 1e-6
