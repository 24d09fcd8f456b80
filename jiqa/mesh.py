"""Where arrays live: one mesh axis `data`, batches split along it, everything else copied."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jiqa.errors import InputError


def make(devices: list[Any] | None = None) -> Mesh:
    """A mesh of all devices, or of those given, along the axis `data`."""
    devices = devices or jax.devices()
    return jax.make_mesh((len(devices),), ("data",), (AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """InputError unless a batch splits evenly over the devices."""
    if batch_size < 1 or batch_size % mesh.size:
        raise InputError(
            f"batch_size: found {batch_size}, expected a multiple of the {mesh.size} devices"
        )


def process_shard() -> tuple[int, int]:
    """This process's place among all, as the pipeline's `shard` wants it."""
    return jax.process_index(), jax.process_count()


def to_device(
    batches: Iterable[dict[str, np.ndarray]], mesh: Mesh, ahead: int = 2
) -> Iterator[dict[str, Any]]:
    """Puts each process's part of a batch on its devices, `ahead` batches before their use."""
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    waiting: deque[dict[str, Any]] = deque()
    for batch in batches:
        waiting.append(
            {k: jax.make_array_from_process_local_data(sharding, v) for k, v in batch.items()}
        )
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting
