"""One supervised update: blocks of an image in, one quality out, every block with its score."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax


@flax.struct.dataclass
class TrainState:
    """All that changes in training, and all that a checkpoint holds.

    Attributes:
        step: int32 [], updates done.
        params: parameters, float32.
        batch_stats: running statistics of batch normalisation.
        opt_state: the optimiser's state.
        rng: key from which each step's randomness is folded.
        ema: moving average of `params`, or None.
    """

    step: jax.Array
    params: Any
    batch_stats: Any
    opt_state: Any
    rng: jax.Array
    ema: Any = None

    @property
    def variables(self) -> dict[str, Any]:
        """What evaluation applies the model with: averaged parameters where there are any."""
        params = self.params if self.ema is None else self.ema
        return {"params": params, "batch_stats": self.batch_stats}


Images = Callable[[Any, dict[str, jax.Array]], jax.Array]


def init_state(
    variables: dict[str, Any], optimiser: optax.GradientTransformation, seed: int, ema: float = 0.0
) -> TrainState:
    """The state before the first update, from a model's initial variables."""
    params = variables["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimiser.init(params),
        rng=jax.random.key_data(jax.random.key(seed)),
        ema=jax.tree.map(jnp.copy, params) if ema else None,
    )


def make_update(
    model: nn.Module,
    loss: Callable[[jax.Array, jax.Array], jax.Array],
    optimiser: optax.GradientTransformation,
    images: Images,
    ema: float = 0.0,
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        loss: of prediction and target, both [n].
        optimiser: an optax chain.
        images: `(arrays, batch) -> uint8 [b, blocks, h, w, 3]`, a pipeline source's.
        ema: decay of the parameters' moving average; 0 is off.

    Returns:
        update: batch holds `quality` float32 [b] besides what `images` reads; metrics are
        `loss` and `grad_norm`, float32 [].
    """

    def update(
        state: TrainState, batch: dict[str, jax.Array], arrays: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        image, blocks = _blocks(images(arrays, batch))
        target = jnp.repeat(batch["quality"], blocks)
        dropout = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)

        def objective(params: Any) -> tuple[jax.Array, Any]:
            (prediction, _), changed = model.apply(
                {"params": params, "batch_stats": state.batch_stats},
                image,
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": dropout},
            )
            return loss(prediction.astype(jnp.float32), target), changed.get("batch_stats", {})

        (value, batch_stats), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        updates, opt_state = optimiser.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = state.ema
        if average is not None:
            average = optax.incremental_update(params, average, 1 - ema)
        new = dataclasses.replace(
            state,
            step=state.step + 1,
            params=params,
            batch_stats=batch_stats,
            opt_state=opt_state,
            ema=average,
        )
        return new, {"loss": value, "grad_norm": optax.tree.norm(grads)}

    return update


def make_predict(model: nn.Module, images: Images) -> Callable[..., jax.Array]:
    """The pure function `predict(variables, batch, arrays) -> float32 [b, ...]`, to be compiled.

    What the model says of an image, its quality or its features, is the mean over its blocks.
    """

    def predict(variables: Any, batch: dict[str, jax.Array], arrays: Any) -> jax.Array:
        image, blocks = _blocks(images(arrays, batch))
        prediction, _ = model.apply(variables, image, train=False)
        prediction = prediction.astype(jnp.float32)
        return prediction.reshape(-1, blocks, *prediction.shape[1:]).mean(axis=1)

    return predict


def _blocks(image: jax.Array) -> tuple[jax.Array, int]:
    """uint8 [b, k, h, w, 3] -> float32 [b * k, h, w, 3] in [0, 1], and k."""
    flat = image.reshape(-1, *image.shape[2:])
    return flat.astype(jnp.float32) / 255, image.shape[1]
