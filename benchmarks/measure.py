"""Timing of functions in turns, and the table of the times."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

CORES = len(os.sched_getaffinity(0))


@dataclasses.dataclass
class Row:
    """Times of one function.

    Attributes:
        name: name of the function; for a peer `WHAT, PyTorch LAYOUT`.
        run: the function.
        images: images per batch.
        batches: batches per call.
        first: seconds per batch in the first call.
        seconds: seconds per batch in every call that counts.
    """

    name: str
    run: Callable[[], None]
    images: int
    batches: int = 1
    first: float = 0.0
    seconds: list[float] = dataclasses.field(default_factory=list)

    def sample(self) -> float:
        """Seconds per batch in one call."""
        start = time.perf_counter()
        self.run()
        return (time.perf_counter() - start) / self.batches

    def summary(self) -> dict[str, float]:
        """Times per batch, and images per second by the median."""
        median = statistics.median(self.seconds)
        return {
            "first_s": self.first,
            "median_ms": 1e3 * median,
            "minimum_ms": 1e3 * min(self.seconds),
            "images_per_s": self.images / median,
        }


def measure(rows: list[Row], warm: int, repeats: int) -> None:
    """Calls the functions in turns, so that drift of the machine affects all alike.

    Functions not called before get a first call. The first `warm` turns do not count.
    """
    for row in rows:
        row.first = row.first or row.sample()
    for turn in range(warm + repeats):
        for row in rows:
            seconds = row.sample()
            if turn >= warm:
                row.seconds.append(seconds)


def machine() -> dict[str, str | int]:
    """Properties of this machine."""
    facts: dict[str, str | int] = {
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "cores": CORES,
        "python": platform.python_version(),
    }
    for name in ("jax", "flax", "torch"):
        if importlib.util.find_spec(name):
            facts[name] = importlib.metadata.version(name)
    return facts


def ratios(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """jiqa's time over a peer's, by the peer's name."""
    found = {}
    for name, peer in rows.items():
        what, _, other = name.partition(", PyTorch ")
        if other:
            found[name] = {key: rows[what][key] / peer[key] for key in ("median_ms", "minimum_ms")}
    return found


def markdown(results: dict[str, Any]) -> str:
    """The times as a table, followed by ratios and input waiting times.

    Args:
        results: `machine`, `settings`, `rows` (name -> `Row.summary()`), `ratios`, and
            `waiting_for_input` (name -> share of the loop's time).
    """
    lines = [
        *(
            ", ".join(f"{key} {value}" for key, value in results[part].items())
            for part in ("machine", "settings")
        ),
        "",
        "| | first call, s | median, ms | minimum, ms | images/s (median) |",
        "|---|---|---|---|---|",
    ]
    for name, row in results["rows"].items():
        lines.append(
            f"| {name} | {row['first_s']:.1f} | {row['median_ms']:.2f} | {row['minimum_ms']:.2f} "
            f"| {row['images_per_s']:.1f} |"
        )
    lines.append("")
    for name, ratio in results["ratios"].items():
        lines.append(
            f"our time over {name}'s: {ratio['median_ms']:.2f} by the medians, "
            f"{ratio['minimum_ms']:.2f} by the minima"
        )
    if not results["ratios"]:
        lines.append("PyTorch is not installed: no ratio")
    for name, share in results["waiting_for_input"].items():
        lines.append(f"waiting for input, {name}: {share:.1%} of the loop's time")
    return "\n".join(lines)
