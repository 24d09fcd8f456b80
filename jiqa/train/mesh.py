"""Meshes of devices with one axis, `data`: batches are split along it, other arrays copied.

A batch need not divide over all devices: `fitting` picks a part of the mesh that it divides over.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jiqa.errors import InputError


def make(devices: list[Any] | None = None) -> Mesh:
    """Mesh of `devices`, by default of all devices, along the axis `data`.

    Devices of one process are neighbours, so that each process reads one contiguous part of a
    batch.
    """
    ordered = sorted(devices or jax.devices(), key=lambda device: device.process_index)
    return Mesh(np.array(ordered), ("data",), axis_types=(AxisType.Auto,))


def alone() -> Mesh:
    """Mesh of this process's first device alone."""
    return make(jax.local_devices()[:1])


def fitting(mesh: Mesh, batch_size: int, name: str = "batch_size") -> Mesh:
    """Largest part of a mesh that a batch divides over, with equally many devices of each process.

    Args:
        mesh: made by `make`.
        batch_size: images of a batch, over all processes.
        name: config field of `batch_size`, for the error message.

    Raises:
        InputError: the batch does not divide over the processes.
    """
    of_process = defaultdict(list)
    for device in mesh.devices.flat:
        of_process[device.process_index].append(device)
    processes = len(of_process)
    if batch_size < 1 or batch_size % processes:
        expected = f"a multiple of the {processes} processes" if processes > 1 else "1 or more"
        raise InputError(f"{name}: found {batch_size}, expected {expected}")
    most = min(map(len, of_process.values()))
    share = batch_size // processes
    count = max(number for number in range(1, most + 1) if share % number == 0)
    return make([device for devices in of_process.values() for device in devices[:count]])


def replicated(mesh: Mesh) -> NamedSharding:
    """Sharding with a whole copy on every device of a mesh."""
    return NamedSharding(mesh, PartitionSpec())


def copied(tree: Any, mesh: Mesh) -> Any:
    """Tree of arrays with a whole copy on every device of a mesh."""
    sharding = replicated(mesh)

    def fetched(leaf: Any) -> Any:
        spread = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
        if spread and leaf.sharding.device_set != sharding.device_set:
            return np.asarray(leaf)  # meshes of several processes cannot exchange arrays directly
        return leaf

    return jax.device_put(jax.tree.map(fetched, tree), sharding)


def process_shard() -> tuple[int, int]:
    """(index of this process, number of processes), as the pipeline's `shard`."""
    return jax.process_index(), jax.process_count()


def to_device(
    batches: Iterable[dict[str, np.ndarray]], mesh: Mesh, ahead: int = 2
) -> Iterator[dict[str, Any]]:
    """Puts each process's part of a batch on its devices, `ahead` batches in advance."""
    sharding = NamedSharding(mesh, PartitionSpec("data"))
    waiting: deque[dict[str, Any]] = deque()
    for batch in batches:
        waiting.append(
            {k: jax.make_array_from_process_local_data(sharding, v) for k, v in batch.items()}
        )
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting
