"""Scores or gradients of one pair of images by each metric named, in a process as users have it.

    python scored.py PAIRS.npz METRICS.json [--op_by_op] [--gradient]

PAIRS.npz holds `NAME/image` and `NAME/ref`; METRICS.json is {metric: files of parameters}. A line
of JSON for each metric: [metric, {pair: score or gradient}].
"""

import contextlib
import functools
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jiqa
from jiqa.metrics import registry


def gradient(metric, *images):
    """[h, w, 3], of the image."""
    function = functools.partial(registry.resolve(metric.entry.build), **metric.entry.options)
    how = {} if metric.params is None else {"params": metric.params}
    total = jax.jit(jax.grad(lambda *x: function(*x, **how).sum()))
    return total(*(jnp.asarray(x[None] / np.float32(255)) for x in images))[0]


def main():
    """Prints the lines."""
    pairs, metrics, *flags = sys.argv[1:]
    with np.load(pairs) as stored:
        arrays = dict(stored)
    names = sorted({key.split("/")[0] for key in arrays})
    for name, files in json.loads(Path(metrics).read_text()).items():
        metric, found = jiqa.create_metric(name, files), {}
        sides = ("image", "ref")[: 2 if metric.kind == "fr" else 1]
        for pair in names:
            images = [arrays[f"{pair}/{side}"] for side in sides]
            how = jax.disable_jit if "--op_by_op" in flags else contextlib.nullcontext
            with how():
                if "--gradient" in flags:
                    found[pair] = np.asarray(gradient(metric, *images)).tolist()
                else:
                    found[pair] = float(metric(*images))
        print(json.dumps([name, found]), flush=True)


if __name__ == "__main__":
    main()
