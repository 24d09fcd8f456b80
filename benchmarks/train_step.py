"""Speed of the training update, the forward pass and the input pipeline, compared with PyTorch.

python benchmarks/train_step.py --batch=8 --size=224 --output=speed.json

Times jiqa's own update of a ResNet regressor (IQA-NRTL's variant `resnet50`) and, if torch is
installed, the same network and update in PyTorch, in turns within one run. The first call, which
compiles, is reported separately. The input resembles BIQ2021: 512x512 JPEGs, resized and cropped.
Input waiting time is the time in which the loop waits for a batch and the device is idle.
On a GPU set XLA_PYTHON_CLIENT_PREALLOCATE=false, to leave memory to PyTorch.
"""

import argparse
import contextlib
import importlib.util
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import measure
import numpy as np
import simplejpeg
import skimage.data
from measure import Row

from jiqa import models
from jiqa.data.index import Index, Records
from jiqa.data.pipeline import Resident, Streamed, source
from jiqa.data.sampling import Batch, View
from jiqa.files import write_json
from jiqa.train import losses, optim, supervised
from jiqa.train import mesh as meshes
from jiqa.train.predict import compile_predict
from jiqa.train.update import init_state

IMAGES = 256  # in the synthetic database
AHEAD = 2 * measure.CORES + 2  # batches: at least as many as are read ahead
HIDDEN = 128
OPTIM = optim.Optim(name="adamw", learning_rate=1e-4, weight_decay=1e-4, schedule="constant")


class Ours:
    """jiqa's update, forward pass and input pipeline, on one kind of source."""

    def __init__(self, model: nn.Module, variables: Any, blocks: Streamed | Resident, batch: int):
        mesh = meshes.fitting(meshes.make(), batch)
        whole = meshes.replicated(mesh)
        optimiser = optim.build(OPTIM, variables["params"], 1)
        update = supervised.make_update(
            model, losses.of_quality("mae"), optimiser, blocks.images, ("quality",)
        )
        self._update = jax.jit(update, donate_argnums=0, out_shardings=whole)
        self._predict = compile_predict(supervised.make_predict(model, blocks.images), mesh)
        state = init_state(jax.tree.map(jnp.copy, variables), optimiser, 0)
        self._state = jax.device_put(state, whole)
        self._arrays = jax.device_put(blocks.arrays, whole)
        self._inputs = [batches(blocks, batch), batches(blocks, batch)]
        self._device = meshes.to_device(self._inputs[0], mesh)
        self._ready = next(self._device)
        self.waits: list[float] = []

    def forward(self) -> None:
        """Predicts a batch that is already on the device."""
        self._predict(self._state.variables, self._ready, self._arrays).block_until_ready()

    def update(self) -> None:
        """Makes one update on a batch that is already on the device."""
        self._state, metrics = self._update(self._state, self._ready, self._arrays)
        jax.block_until_ready((self._state, metrics))

    def train(self) -> None:
        """Makes one update on the next batch, and appends the waiting time to `waits`."""
        start = time.perf_counter()
        self._ready = next(self._device)
        self.waits.append(time.perf_counter() - start)
        self.update()

    def read(self) -> None:
        """Reads the next `AHEAD` batches, on the host."""
        for _ in range(AHEAD):
            next(self._inputs[1])

    def close(self) -> None:
        """Ends the input's threads and processes."""
        for stream in self._inputs:
            stream.close()


def batches(blocks: Streamed | Resident, size: int) -> Generator[Batch, None, None]:
    """Endless training batches, with their quality."""
    stream = blocks.train_batches(np.arange(IMAGES), size, 0, 0, 2**31)
    with contextlib.closing(cast(Generator[Batch, None, None], stream)):
        for batch in stream:
            yield {**batch, "quality": blocks.index.quality[batch["row"]]}


def database() -> tuple[Index, Records]:
    """Index and records of many copies of a photograph, a 512x512 JPEG, with random scores."""
    jpeg = simplejpeg.encode_jpeg(skimage.data.astronaut(), quality=90)
    names = np.array([f"{row:04}" for row in range(IMAGES)])
    index = Index(
        database="benchmark",
        family="benchmark",
        score_name="mos",
        score_range=(0.0, 1.0),
        higher_better=True,
        id=names,
        content_id=names,
        distortion=np.full(IMAGES, "authentic"),
        level=np.zeros(IMAGES, np.int32),
        score=np.random.default_rng(0).random(IMAGES, np.float32),
        score_std=np.full(IMAGES, np.nan, np.float32),
        official=np.full(IMAGES, ""),
        record=np.arange(IMAGES),
    )
    return index, Records([{"image": jpeg}], np.zeros(IMAGES, np.int64))


def peers(args: argparse.Namespace, stage_sizes: tuple[int, ...], parameters: int) -> list[Row]:
    """PyTorch's rows; empty if torch is not installed."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch_peer

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (args.batch, args.size, args.size, 3), np.uint8)
    quality = rng.random(args.batch, np.float32)
    rows = []
    for layout in ("channels_last", "NCHW"):
        update, forward, count = torch_peer.functions(
            image,
            quality,
            stage_sizes=stage_sizes,
            width=args.width,
            hidden=HIDDEN,
            bfloat16=args.dtype == "bfloat16",
            channels_last=layout == "channels_last",
            learning_rate=OPTIM.learning_rate,
            weight_decay=OPTIM.weight_decay,
        )
        if count != parameters:
            raise SystemExit(f"{count} parameters in PyTorch, {parameters} here: not one network")
        rows.append(Row(f"forward, PyTorch {layout}", forward, args.batch))
        rows.append(Row(f"train step, PyTorch {layout}", update, args.batch))
    return rows


def arguments() -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=8, help="images per update")
    parser.add_argument("--size", type=int, default=224, help="side of a crop")
    parser.add_argument("--width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("--stage_sizes", default="3,4,6,3", help="blocks of each stage")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--workers", type=int, default=0, help="reader processes; 0 for threads")
    parser.add_argument("--repeats", type=int, default=10, help="samples per function")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    return parser.parse_args()


def main() -> None:
    """Times the functions, prints a table, and writes JSON if asked to."""
    args = arguments()
    output = vars(args).pop("output")
    stage_sizes = tuple(map(int, args.stage_sizes.split(",")))
    model = models.build(
        "iqa_nrtl",
        variant="resnet50",
        hidden=HIDDEN,
        dtype=args.dtype,
        backbone={"name": "resnet", "stage_sizes": stage_sizes, "width": args.width},
    )
    # Compiled without optimisation, which takes a minute and would serve a single call.
    init = jax.jit(model.init, compiler_options={"xla_backend_optimization_level": 0})
    variables = init(jax.random.key(0), jnp.zeros((1, args.size, args.size, 3)))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    index, records = database()
    side = round(args.size * 256 / 224)
    view = View(resize=(side, side), crop=args.size, blocks=1)
    with contextlib.ExitStack() as stack:
        ours = {}
        for resident_mb in (0, 2**20):
            blocks = source(index, records, view, resident_mb=resident_mb, workers=args.workers)
            ours[blocks.kind] = Ours(model, variables, blocks, args.batch)
            stack.callback(ours[blocks.kind].close)
        rows = [
            Row("forward", ours["streamed"].forward, args.batch),
            Row("train step", ours["streamed"].update, args.batch),
            *peers(args, stage_sizes, parameters),
        ]
        measure.measure(rows, 1, args.repeats)
        waiting = {}
        for kind, one in ours.items():
            loop = Row(f"train step and input, {kind}", one.train, args.batch)
            alone = Row(f"input alone, {kind}", one.read, args.batch, AHEAD)
            measure.measure([loop], AHEAD, args.repeats)
            measure.measure([alone], 1, args.repeats)
            rows += [loop, alone]
            waiting[kind] = sum(one.waits[-args.repeats :]) / sum(loop.seconds)
    summaries = {row.name: row.summary() for row in rows}
    results = {
        "machine": measure.machine(),
        "settings": {**vars(args), "parameters": parameters},
        "rows": summaries,
        "ratios": measure.ratios(summaries),
        "waiting_for_input": waiting,
    }
    print(measure.markdown(results))
    if output:
        write_json(output, results)


if __name__ == "__main__":
    main()
