"""Checkpoints by orbax, and the strict merge of pre-trained parameters into fresh ones."""

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from jiqa.errors import InputError

SELECT = "score"


class Checkpoints:
    """The checkpoints of one training stage: the latest and the best on validation are kept.

    Saving is asynchronous; a kill at any moment leaves at worst an unfinished folder that is
    ignored at the next start.

    Attributes:
        folder: absolute path of the checkpoints' folder.
    """

    def __init__(self, folder: Path):
        def selected(metrics: dict) -> float:
            return metrics[SELECT]

        policy = checkpoint_managers.AnyPreservationPolicy(
            [
                checkpoint_managers.LatestN(1),
                checkpoint_managers.BestN(
                    get_metric_fn=selected, n=1, keep_checkpoints_without_metrics=False
                ),
            ]
        )
        self.folder = Path(folder).absolute()
        self._manager = ocp.CheckpointManager(
            self.folder,
            item_handlers=ocp.StandardCheckpointHandler(),
            options=ocp.CheckpointManagerOptions(best_fn=selected, preservation_policy=policy),
        )

    @property
    def latest(self) -> int | None:
        """Step of the newest finished checkpoint, or None."""
        return self._manager.latest_step()

    @property
    def best(self) -> int | None:
        """Step of the checkpoint with the highest score, or None."""
        return self._manager.best_step()

    def save(self, step: int, state: Any, score: float | None = None) -> None:
        """Saves in the background.

        A NaN `score` ranks below every other score. A state without a score never is the best, and
        is kept only while no newer state is saved.

        Raises:
            InputError: this or an earlier state cannot be written.
        """
        metrics = None
        if score is not None:
            metrics = {SELECT: score if score == score else -math.inf}
        with self._writing():
            self._manager.save(step, args=ocp.args.StandardSave(state), metrics=metrics)

    def wait(self) -> None:
        """Waits until every save is on disk.

        Raises:
            InputError: a state cannot be written.
        """
        with self._writing():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # orbax passes on any error of its threads and libraries
            raise InputError(
                f"{self.folder}: a checkpoint cannot be written: {_reason(error)}, expected a "
                "folder with room on its disk"
            ) from error

    def restore(self, step: int, like: Any) -> Any:
        """The state saved at `step`, with the structure, shapes and shardings of `like`.

        Raises:
            InputError: the checkpoint is damaged, or its state has another structure.
        """
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        with self._reading(step):
            return self._manager.restore(step, args=ocp.args.StandardRestore(target))

    def variables(self, step: int) -> dict[str, Any]:
        """Variables to evaluate a model with, from the state saved at `step` on any devices.

        Raises:
            InputError: the checkpoint is damaged.
        """
        here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
        with self._reading(step):
            target = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
                self._manager.item_metadata(step),
            )
            state = self._manager.restore(step, args=ocp.args.StandardRestore(target))
        params = state["params"] if state["ema"] is None else state["ema"]
        return {"params": params, "batch_stats": state["batch_stats"] or {}}

    @contextlib.contextmanager
    def _reading(self, step: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # orbax's libraries raise many kinds of error on damaged files
            path = self.folder / str(step)
            raise InputError(f"{path}: {_reason(error)}, expected a whole checkpoint") from error

    def close(self) -> None:
        """Waits for pending saves and closes the folder."""
        self.wait()
        self._manager.close()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reason(error: Exception) -> str:
    """Reason of the operating system, or the beginning of a library's message."""
    if found := re.search(r"os_error_code='(\d+)'", str(error)):
        return os.strerror(int(found[1])).lower()
    return " ".join(str(error).split())[:200] or type(error).__name__


def merge(fresh: Any, trained: Any, name: str) -> Any:
    """Replaces every leaf of `fresh` by the leaf of `trained` at the same path.

    Both trees must have the same paths.

    Args:
        fresh: tree of initialised arrays.
        trained: tree of pre-trained arrays.
        name: of the trees, for the error message.

    Raises:
        InputError: a tensor is missing, spare or of another shape; the message names the tensor.
    """
    have = _named(trained)
    want = _named(fresh)
    for path in want.keys() - have.keys():
        raise InputError(f"{name}: tensor {path} is missing, expected shape {want[path].shape}")
    for path in have.keys() - want.keys():
        raise InputError(f"{name}: tensor {path} is spare, the model has no such parameter")
    for path, leaf in have.items():
        if leaf.shape != want[path].shape:
            raise InputError(
                f"{name}: tensor {path} has shape {leaf.shape}, expected {want[path].shape}"
            )
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: have[_name(path)].astype(leaf.dtype), fresh
    )


def _name(path: tuple) -> str:
    return "/".join(str(key.key) for key in path)


def _named(tree: Any) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
