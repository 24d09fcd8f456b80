"""Optax chains from a config: schedule, clipping, frozen parts and a learning rate per part."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import jax
import optax

from jiqa.errors import InputError


@dataclasses.dataclass(frozen=True)
class Optim:
    """Settings of an optimiser.

    Attributes:
        name: `adamw` (decay after Adam's scaling), `adam` (L2 added before it) or `sgd`.
        learning_rate: the peak rate of parameters that no pattern in `rates` matches.
        schedule: `cosine` (to zero at the last step), `constant`, `linear` (constant for half of
            the run, then linearly to zero) or `steps`: the run has `parts` equal parts, each with
            `decay` times the rate of the previous part.
        warmup: share of the steps over which the rate rises linearly from zero, in [0, 1).
        weight_decay: strength; kernels only, never biases or normalisation.
        clip: largest global norm of the gradient; 0 is off.
        momentum: of `sgd`; the b1 of the others.
        rates: regular expression -> factor on the learning rate of the parameters whose path, such
            as `backbone/stage1_block1/conv1/kernel`, contains a match; a factor of 0 freezes them.
            No two patterns may match one parameter, since a ConfigDict keeps no order.
        ema: decay of an exponential moving average of the parameters, used for evaluation;
            0 is off.
        decay: with the schedule `steps`: factor on the rate from one part to the next.
        parts: with the schedule `steps`: number of parts.
    """

    name: str = "adamw"
    learning_rate: float = 1e-4
    schedule: str = "cosine"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip: float = 0.0
    momentum: float = 0.9
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    ema: float = 0.0
    decay: float = 0.1
    parts: int = 1


OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("cosine", "constant", "linear", "steps")


def check(optim: Optim) -> None:
    """Refuses settings out of their range; raises InputError."""
    if optim.name not in OPTIMISERS:
        expected = f"expected one of {', '.join(OPTIMISERS)}"
        raise InputError(f"optimiser: found {optim.name!r}, {expected}")
    if optim.schedule not in SCHEDULES:
        expected = "cosine, constant, linear or steps"
        raise InputError(f"schedule: found {optim.schedule!r}, expected {expected}")
    if optim.parts < 1 or optim.decay <= 0:
        found = f"{optim.parts} and {optim.decay}"
        raise InputError(f"parts, decay: found {found}, expected 1 or more and above 0")
    for field in ("warmup", "momentum", "ema"):
        if not 0 <= getattr(optim, field) < 1:
            raise InputError(f"{field}: found {getattr(optim, field)}, expected a share in [0, 1)")
    for field in ("learning_rate", "weight_decay", "clip"):
        if not getattr(optim, field) >= 0:
            raise InputError(f"{field}: found {getattr(optim, field)}, expected 0 or more")


def schedule(optim: Optim, steps: int) -> optax.Schedule:
    """Learning rate as a function of the step, for a run of `steps` updates.

    Raises:
        InputError: as `check`.
    """
    check(optim)
    rise = int(optim.warmup * steps)
    if optim.schedule == "cosine":
        return optax.warmup_cosine_decay_schedule(
            0.0 if rise else optim.learning_rate, optim.learning_rate, rise, max(steps, rise + 1)
        )
    flat = optax.constant_schedule(optim.learning_rate)
    if optim.schedule == "linear":
        half = steps // 2
        flat = optax.linear_schedule(optim.learning_rate, 0.0, steps - half, half - rise)
    if optim.schedule == "steps":
        ends = {round(i * steps / optim.parts) - rise: optim.decay for i in range(1, optim.parts)}
        flat = optax.piecewise_constant_schedule(optim.learning_rate, ends)
    return optax.join_schedules(
        [optax.linear_schedule(0.0, optim.learning_rate, rise), flat], [rise]
    )


def factors(rates: Mapping[str, float], params: Any) -> Any:
    """Factor on the learning rate of every parameter, as a tree like `params`.

    Raises:
        InputError: a pattern matches no parameter, or two match one.
    """
    used = set()

    def factor(path: tuple, _: Any) -> float:
        name = "/".join(str(key.key) for key in path)
        found = [pattern for pattern in rates if re.search(pattern, name)]
        if len(found) > 1:
            raise InputError(f"rates: found patterns {found} for {name}, expected one at most")
        used.update(found)
        return float(rates[found[0]]) if found else 1.0

    tree = jax.tree_util.tree_map_with_path(factor, params)
    if spare := set(rates) - used:
        raise InputError(f"rates: pattern {sorted(spare)[0]!r} matches no parameter")
    return tree


def freeze(rates: Mapping[str, float], params: Any) -> Any:
    """Parameters without a gradient where their factor is 0: frozen parts get no backward pass."""
    return jax.tree.map(
        lambda leaf, factor: leaf if factor else jax.lax.stop_gradient(leaf),
        params,
        factors(rates, params),
    )


def build(optim: Optim, params: Any, steps: int) -> optax.GradientTransformation:
    """Optax chain: zero frozen gradients, clip the others, then apply one optimiser per factor.

    Args:
        optim: the settings.
        params: the parameters, for their names and shapes.
        steps: updates of the whole run, for the schedule.

    Raises:
        InputError: the optimiser or schedule is unknown, or a pattern matches nothing.
    """
    rate = schedule(optim, steps)
    decay = optax.add_decayed_weights(
        optim.weight_decay, mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)
    )
    rules = {
        "adamw": (optax.scale_by_adam(b1=optim.momentum), decay),
        "adam": (decay, optax.scale_by_adam(b1=optim.momentum)),
        "sgd": (decay, optax.trace(optim.momentum)),
    }
    tree = factors(optim.rates, params)

    def part(factor: float) -> optax.GradientTransformation:
        if factor == 0:
            return optax.set_to_zero()
        return optax.chain(
            *rules[optim.name],
            optax.scale_by_learning_rate(lambda step: factor * rate(step)),
        )

    labels = jax.tree.map(str, tree)
    chain = [optax.partition({str(f): part(f) for f in jax.tree.leaves(tree)}, labels)]
    if optim.clip:
        frozen = jax.tree.map(lambda factor: factor == 0, tree)
        chain = [
            optax.masked(optax.set_to_zero(), frozen),
            optax.clip_by_global_norm(optim.clip),
            *chain,
        ]
    return optax.chain(*chain)
