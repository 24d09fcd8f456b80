"""One update by gradient descent, shared by all trainings."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

from jiqa.train import optim


@flax.struct.dataclass
class TrainState:
    """State of a training: everything that an update changes and a checkpoint holds.

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
        """Variables to evaluate the model with: averaged parameters where `ema` keeps them."""
        params = self.params if self.ema is None else self.ema
        return {"params": params, "batch_stats": self.batch_stats}


# (arrays, batch) -> image float32 [n, h, w, 3] in [0, 1], and targets in the form of the loss.
Examples = Callable[[Any, dict[str, jax.Array]], tuple[jax.Array, Any]]
# (prediction, out, targets) -> loss [], and parts of it [] by name, to be logged.
Loss = Callable[[jax.Array, dict[str, jax.Array], Any], tuple[jax.Array, dict[str, jax.Array]]]


def init_state(
    variables: dict[str, Any], optimiser: optax.GradientTransformation, seed: int, ema: float = 0.0
) -> TrainState:
    """State before the first update, from a model's initial variables."""
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
    examples: Examples,
    loss: Loss,
    optimiser: optax.GradientTransformation,
    ema: float = 0.0,
    rates: Mapping[str, float] = types.MappingProxyType({}),
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """The pure function `update(state, batch, arrays) -> (state, metrics)`, to be compiled.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        examples: reads images and targets of a batch.
        loss: to minimise, and parts of it to log.
        optimiser: an optax chain.
        ema: decay of the parameters' moving average; 0 is off.
        rates: of the optimiser, see `jiqa.train.optim.Optim`; frozen parts get no backward pass.

    Returns:
        update: metrics are `loss`, `grad_norm` and the loss's parts, float32 [].
    """

    def update(
        state: TrainState, batch: dict[str, jax.Array], arrays: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        image, targets = examples(arrays, batch)
        dropout = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)

        def of(params: Any) -> tuple[jax.Array, Any]:
            (prediction, out), changed = model.apply(
                {"params": optim.freeze(rates, params), "batch_stats": state.batch_stats},
                image,
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": dropout},
            )
            value, parts = loss(prediction, out, targets)
            return value, (changed.get("batch_stats", {}), parts)

        (value, (batch_stats, parts)), grads = jax.value_and_grad(of, has_aux=True)(state.params)
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
        return new, {"loss": value, "grad_norm": optax.tree.norm(grads), **parts}

    return update


def to_float(image: jax.Array) -> jax.Array:
    """Converts uint8 images to float32 in [0, 1]."""
    return image.astype(jnp.float32) / 255
