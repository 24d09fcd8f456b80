"""Update of a DT-GAN from unpaired pristine and distorted images: all four networks at once.

Yang, Li, Liu, "TTL-IQA: transitive transfer learning based no-reference image quality assessment",
IEEE Transactions on Multimedia 23, 2021, section IV.C and D, equations 8 to 14. Images are
[b, h, w, 3] in [0, 1], logits [b, h, w]; every loss is float32 [].
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jiqa.train import optim
from jiqa.train.optim import Optim
from jiqa.train.update import TrainState, to_float

GENERATORS = ("d_generator", "h_generator")
DISCRIMINATORS = ("d_discriminator", "h_discriminator")
NETWORKS = GENERATORS + DISCRIMINATORS
# Metrics of an update beside `loss` and `grad_norm`, which are those of the generators.
METRICS = (
    "adversarial_d",
    "adversarial_h",
    "pixel",
    "semantic",
    "discriminator_d",
    "discriminator_h",
    "discriminator_grad_norm",
    "change",
    "change_spread",
    "image_spread",
)

# (arrays, batch) -> pristine and distorted crops, uint8 [b, blocks, h, w, 3] each.
Unpaired = Callable[[Any, dict[str, jax.Array]], tuple[jax.Array, jax.Array]]


def discriminator_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Loss of a discriminator: equations 9 and 10, negated; D is the sigmoid of the logits."""
    return jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean()


def generator_loss(fake: jax.Array, saturating: bool = False) -> jax.Array:
    """Adversarial loss of a generator: -E[log D]; `saturating`: E[log(1 - D)], as printed."""
    return -jax.nn.softplus(fake).mean() if saturating else jax.nn.softplus(-fake).mean()


def squared_error(recovered: jax.Array, pristine: jax.Array) -> jax.Array:
    """Mean squared error: equation 12 on images, equation 13 on phi's outputs, both [b, ...]."""
    return jnp.square(recovered - pristine).mean()


def collapse(pristine: jax.Array, hallucinated: jax.Array) -> dict[str, jax.Array]:
    """Figures that show whether a generator changes nothing or makes one image only.

    Returns:
        `change`: mean absolute difference between pristine and hallucinated images.
        `change_spread`: standard deviation of the difference over the images, averaged over the
            pixels; NaN for a single image.
        `image_spread`: standard deviation of the hallucinated images, divided by that of the
            pristine images: near 1 where both differ alike, 0 where all hallucinated images are
            the same; NaN for a single image.
    """
    difference = hallucinated - pristine

    def spread(x: jax.Array) -> jax.Array:
        return x.std(0).mean() if len(x) > 1 else jnp.full((), jnp.nan, x.dtype)

    return {
        "change": jnp.abs(difference).mean(),
        "change_spread": spread(difference),
        "image_spread": spread(hallucinated) / spread(pristine),
    }


@dataclasses.dataclass(frozen=True)
class Sides:
    """Optimisers of generators and discriminators; made by `sides`.

    Attributes:
        generators, discriminators: an optax chain each.
        history: number of older images that each discriminator keeps; 0 is off.
        crop: side of these images, in pixels.
    """

    generators: optax.GradientTransformation
    discriminators: optax.GradientTransformation
    history: int
    crop: int

    def init(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """State of both chains, and `history` [n, crop, crop, 3] for each discriminator."""
        state = {
            "generators": self.generators.init(_part(params, GENERATORS)),
            "discriminators": self.discriminators.init(_part(params, DISCRIMINATORS)),
        }
        if self.history:
            shape = (self.history, self.crop, self.crop, 3)
            state["history"] = {name: jnp.zeros(shape) for name in DISCRIMINATORS}
        return state


def sides(
    optim_: Optim, params: Mapping[str, Any], steps: int, history: int = 0, crop: int = 0
) -> Sides:
    """Optimisers with the same settings for the generators and for the discriminators.

    Raises:
        InputError: a setting is wrong.
    """
    generators, discriminators = (
        optim.build(optim_, _part(params, names), steps) for names in (GENERATORS, DISCRIMINATORS)
    )
    return Sides(generators, discriminators, history, crop)


def remember(
    history: jax.Array, images: jax.Array, step: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Fakes for a discriminator, about half of them older images drawn from its history.

    Shrivastava et al., "Learning from simulated and unsupervised images through adversarial
    training", CVPR 2017, section 2.3, for any batch size. With probability 1/2, a new image is
    swapped with an older image of the history, and the older image is shown. Until the history is
    full, every new image is shown and kept.

    Args:
        history: [n, h, w, 3], n a multiple of the batch.
        images: new fakes [b, h, w, 3].
        step: int32 [], number of updates done before.
        key: of the random choice.

    Returns:
        The images to show, and the new history.
    """
    count = len(images)
    of_slot, of_swap = jax.random.split(key)
    filling = step * count < len(history)
    drawn = jax.random.permutation(of_slot, len(history))[:count]
    slots = jnp.where(filling, step * count + jnp.arange(count), drawn)
    swap = ~filling & jax.random.bernoulli(of_swap, 0.5, (count,))[:, None, None, None]
    older = history[slots]
    kept = jnp.where(swap | filling, images, older)
    return jnp.where(swap, older, images), history.at[slots].set(kept)


def make_update(
    model: nn.Module,
    both: Sides,
    unpaired: Unpaired,
    cycle_weight: float = 10.0,
    semantic_weight: float = 1.0,
    saturating: bool = False,
    cycle_into_d_gnet: bool = True,
    ema: float = 0.0,
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    One update does the paper's alternation: the generators run once; both discriminators learn from
    the generated images; then both generators learn from the updated discriminators' logits.

    Args:
        model: a `jiqa.models.dt_gan.DTGAN`; the state holds its four networks.
        both: optimisers of generators and discriminators.
        unpaired: reads pristine and distorted crops of a batch.
        cycle_weight: lambda of equation 14.
        semantic_weight: of the semantic loss within the cycle loss; 0: phi is not computed. Phi's
            parameters, which never change, are `arrays["backbone"]`.
        saturating: form of the generators' adversarial losses, see `generator_loss`.
        cycle_into_d_gnet: losses of the recovered image (L_2 and L_cyc) train D-Gnet too, as
            equation 14 with one theta. False: their gradient stops at the hallucinated image, as in
            section IV.D, where D-Gnet minimises L_1 alone.
        ema: decay of the parameters' moving average; 0 is off.

    Returns:
        update: metrics are `loss`, `grad_norm` and `METRICS`, float32 [].
    """

    def update(
        state: TrainState, batch: dict[str, jax.Array], arrays: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        pristine, distorted = (
            to_float(x.reshape(-1, *x.shape[2:])) for x in unpaired(arrays, batch)
        )
        opt_state = dict(state.opt_state)

        def call(method: str, params: Any, image: jax.Array) -> Any:
            return model.apply({"params": params}, image, method=method)

        def generate(params: Any) -> tuple[jax.Array, jax.Array]:
            hallucinated = call("distort", params, pristine)
            source = hallucinated if cycle_into_d_gnet else jax.lax.stop_gradient(hallucinated)
            return hallucinated, call("recover", params, source)

        generators, discriminators = (
            _part(state.params, names) for names in (GENERATORS, DISCRIMINATORS)
        )
        images, pull_back = jax.vjp(generate, generators)

        shown = images
        if both.history:
            shown, opt_state["history"] = _shown(images, opt_state["history"], state)

        def discern(params: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
            losses = {
                f"discriminator_{side}": discriminator_loss(
                    call(method, params, real), call(method, params, fake)
                )
                for side, method, real, fake in (
                    ("d", "judge_distorted", distorted, shown[0]),
                    ("h", "judge_pristine", pristine, shown[1]),
                )
            }
            return sum(losses.values(), jnp.zeros(())), losses

        (_, discerned), grads = jax.value_and_grad(discern, has_aux=True)(discriminators)
        moves, opt_state["discriminators"] = both.discriminators.update(
            grads, opt_state["discriminators"], discriminators
        )
        taught: Any = optax.apply_updates(discriminators, moves)

        def deceive(images: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
            hallucinated, recovered = images
            judged = call("judge_distorted", taught, hallucinated)
            losses = {"adversarial_d": generator_loss(judged, saturating)}
            judged = call("judge_pristine", taught, recovered)
            losses["adversarial_h"] = generator_loss(judged, saturating)
            losses["pixel"] = squared_error(recovered, pristine)
            losses["semantic"] = jnp.zeros(())
            if semantic_weight:
                phi = {"backbone": arrays["backbone"]}
                seen = (call("semantics", phi, image) for image in (recovered, pristine))
                losses["semantic"] = squared_error(*seen)
            cycle = losses["pixel"] + semantic_weight * losses["semantic"]
            adversarial = losses["adversarial_d"] + losses["adversarial_h"]
            return adversarial + cycle_weight * cycle, losses

        (loss, deceived), to_images = jax.value_and_grad(deceive, has_aux=True)(images)
        (to_generators,) = pull_back(to_images)
        moves, opt_state["generators"] = both.generators.update(
            to_generators, opt_state["generators"], generators
        )
        moved: Any = optax.apply_updates(generators, moves)
        params = {**moved, **taught}
        average = state.ema
        if average is not None:
            average = optax.incremental_update(params, average, 1 - ema)
        new = dataclasses.replace(
            state, step=state.step + 1, params=params, opt_state=opt_state, ema=average
        )
        metrics = {
            "loss": loss,
            "grad_norm": optax.tree.norm(to_generators),
            **deceived,
            **discerned,
            "discriminator_grad_norm": optax.tree.norm(grads),
            **collapse(pristine, images[0]),
        }
        return new, metrics

    return update


def _shown(
    images: tuple[jax.Array, jax.Array], history: Mapping[str, jax.Array], state: TrainState
) -> tuple[tuple[jax.Array, jax.Array], dict[str, jax.Array]]:
    """Fakes for each discriminator, made by `remember`, and the new histories."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)
    of_d, of_h = (
        remember(history[name], image, state.step, each)
        for name, image, each in zip(DISCRIMINATORS, images, jax.random.split(key), strict=True)
    )
    return (of_d[0], of_h[0]), dict(zip(DISCRIMINATORS, (of_d[1], of_h[1]), strict=True))


def _part(params: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: params[name] for name in names}
