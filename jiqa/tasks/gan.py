"""Training of DT-GANs: one for each type of distortion and quality level of a database."""

import dataclasses
import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jiqa.data.index import Index
from jiqa.data.levels import quality_levels
from jiqa.data.pipeline import Resident, Streamed
from jiqa.data.protocols import refuse_leak
from jiqa.errors import InputError
from jiqa.models.dt_gan import DTGAN
from jiqa.results import plots
from jiqa.tasks import gan_update
from jiqa.tasks.task import Fitted, Fitter, TaskContext, no_quality
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset
from jiqa.train.loop import DescentConfig, descend
from jiqa.train.objective import Criterion, Objective, Update
from jiqa.train.predict import compile_predict

SHEET, CURVES = "hallucinated.png", "curves.png"
# Name in the place of a type of distortion, where one DT-GAN learns all types.
ALL = "all"
# Number of held-out photographs to validate on, and rows of the sheet.
SHOWN, ROWS = 8, 4
# Limits of `gan_update.collapse`. Below LEAST_CHANGE a generator's changes vanish in 8 bits; below
# LEAST_SPREAD its images differ less than a tenth as much as the photographs.
LEAST_CHANGE, LEAST_SPREAD = 0.5 / 255, 0.1

# (variables, images [n, h, w, 3]) -> hallucinated and recovered images.
Translate = Callable[[Any, np.ndarray], tuple[np.ndarray, np.ndarray]]

_FIGURES = ("val_change", "val_change_spread", "val_image_spread")


@dataclasses.dataclass(frozen=True)
class GanConfig(DescentConfig):
    """Settings of DT-GANs' training; an epoch is a pass over the pristine photographs.

    Attributes:
        levels: number of quality levels.
        by_type: train DT-GANs for each type of distortion; False: for all types together.
        cycle_weight: lambda, the weight of the cycle loss.
        semantic_weight: of the semantic loss within the cycle loss; 0: the model needs no backbone.
        saturating: use the generators' adversarial loss as printed, see
            `gan_update.generator_loss`.
        cycle_into_d_gnet: see `gan_update.make_update`.
        history: older images that each discriminator keeps, a multiple of a batch's images; 0: off.
        select: see `DescentConfig`; always `last`, since no figure of a GAN selects a state.

    Raises:
        InputError: a field is out of its range.
    """

    select: str = "last"
    levels: int = 3
    by_type: bool = True
    cycle_weight: float = 10.0
    semantic_weight: float = 1.0
    saturating: bool = False
    cycle_into_d_gnet: bool = True
    history: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, good, expected in (
            ("select", self.select == "last", "last"),
            ("levels", self.levels >= 1, "1 or more"),
            ("cycle_weight", self.cycle_weight >= 0, "0 or more"),
            ("semantic_weight", self.semantic_weight >= 0, "0 or more"),
            ("history", self.history >= 0, "0 or more"),
        ):
            if not good:
                raise InputError(f"{field}: found {getattr(self, field)!r}, expected {expected}")
        if self.optim.rates:
            found = ", ".join(self.optim.rates)
            raise InputError(f"optim.rates: found {found}, expected none: a GAN has two sides")


class Gan(Fitter[GanConfig]):
    """Trains a DT-GAN for each type of distortion and quality level.

    The folder of each DT-GAN, `folder/TYPE-LEVEL`, gets the loss curves, `curves.png`; level 0 is
    the best. The stage's folder gets `hallucinated.png`: held-out photographs hallucinated by every
    generator.

    The dataset's source is a `jiqa.data.unpaired.Unpaired`; the dataset's index holds the scored
    images. Only training rows are shown to the networks and define the levels.

    Variables of the result: TYPE-LEVEL -> `params`, `batch_stats` and `step` of the DT-GAN, without
    phi. Facts: `steps` and `seconds`, sums over all DT-GANs; `gans`, TYPE-LEVEL -> number of
    `images`, `steps`, `seconds` and, with two held-out photographs or more, `gan_update.collapse`
    after the training; `collapsed`, names of the DT-GANs whose generator changes nothing or makes
    one image only; `seen`, the sorted content hashes of all training images.
    """

    config: ClassVar[type] = GanConfig
    needs: ClassVar[str] = "pristine"
    gives_scores: ClassVar[bool] = False

    def fit(self, context: TaskContext[GanConfig]) -> Fitted:
        """Trains all DT-GANs, one after the other; resumes the one that was interrupted.

        Raises:
            InputError: a level has no images; a test image has a content of the training images;
                the model has no phi for the semantic loss; a field is wrong, or a batch does not
                divide over the processes.
            DivergedError: a loss is not finite.
        """
        config, split, dataset, folder = (
            context.config,
            context.split,
            context.dataset,
            context.folder,
        )
        index, source = dataset.index, dataset.source
        seen = frozenset(index.take(split.train).content_hash.tolist())
        refuse_leak(seen, index.take(split.test))
        devices = meshes.fitting(context.devices, config.batch_size)
        shown = _crops(source.pristine, source.pristine_test[:SHOWN])
        translate = _translator(context.model, devices)
        begin = {name: context.inherited["params"][name] for name in gan_update.NETWORKS}
        objective = _objective(context, begin, shown, translate)
        trained, facts, generated = {}, {}, {}
        for name, rows in groups(index, split.train, config).items():
            of_group = Dataset(index, source.of(rows))
            learned, said = descend(
                dataclasses.replace(objective, dataset=of_group),
                {"params": begin},
                config,
                folder / name,
                devices,
                context.seed,
            )
            figures = {
                key.removeprefix("val_"): round(value, 6)
                for key, value in objective.validate(learned).items()
                if np.isfinite(value)
            }
            facts[name] = {"images": len(rows), **said, **figures}
            trained[name] = {**jax.device_get(learned), "step": said["selected_step"]}
            generated[name] = translate(learned, shown[:ROWS]) if len(shown) else None
            if jax.process_index() == 0:
                about = f"DT-GAN {name} of {index.database}, {split.name}"
                plots.gan_curves(folder / name / "metrics.csv", folder / name / CURVES, about)
        if len(shown) and jax.process_index() == 0:
            _draw(generated, shown, source, folder / SHEET, index.database)
        totals = {name: sum(each[name] for each in facts.values()) for name in ("steps", "seconds")}
        collapsed = [name for name, about in facts.items() if _collapsed(name, about)]
        results = {**totals, "gans": facts, "collapsed": collapsed, "seen": sorted(seen)}
        return Fitted(no_quality, trained, results)


def _objective(
    context: TaskContext[GanConfig], begin: Any, shown: np.ndarray, translate: Translate
) -> Objective:
    """Objective that all DT-GANs share, with one optimiser and one compiled update."""
    config, source, model = context.config, context.dataset.source, context.model
    phi = context.inherited["params"].get("backbone")
    if config.semantic_weight and phi is None:
        raise InputError("model.backbone: found none, expected one, or a semantic_weight of 0")
    per_batch = config.batch_size * source.view.blocks
    if config.history % per_batch:
        expected = f"a multiple of the {per_batch} images of a batch"
        raise InputError(f"history: found {config.history}, expected {expected}")

    # All DT-GANs have the same number of steps: they share one optimiser and one compiled update.
    @functools.cache
    def both(steps: int) -> gan_update.Sides:
        return gan_update.sides(config.optim, begin, steps, config.history, source.view.crop)

    @functools.cache
    def make_update(sides: gan_update.Sides) -> Update:
        return gan_update.make_update(
            model,
            sides,
            source.images,
            config.cycle_weight,
            config.semantic_weight,
            config.saturating,
            config.cycle_into_d_gnet,
            config.optim.ema,
        )

    def validate(variables: Any) -> dict[str, float]:
        if not len(shown):
            return dict.fromkeys(_FIGURES, np.nan)
        found = gan_update.collapse(*map(jnp.asarray, (shown, translate(variables, shown)[0])))
        return {name: float(found[name.removeprefix("val_")]) for name in _FIGURES}

    return Objective(
        context.dataset,
        source.pristine_train,
        make_update,
        validate,
        Criterion("val_change"),
        logged=(*gan_update.METRICS, *_FIGURES),
        constants={"backbone": phi} if config.semantic_weight else {},
        build=lambda optim, params, steps: both(steps),
    )


def groups(index: Index, train: np.ndarray, config: GanConfig) -> dict[str, np.ndarray]:
    """TYPE-LEVEL -> training rows of the DT-GAN of this type and level, int [n].

    Raises:
        InputError: a level has no training rows.
    """
    taken = index.take(train)
    if not config.by_type:
        taken = dataclasses.replace(taken, distortion=np.full(len(taken), ALL))
    levels = quality_levels(taken, config.levels)
    found = {}
    for kind in np.unique(taken.distortion):
        for level in range(config.levels):
            rows = np.asarray(train)[(taken.distortion == kind) & (levels == level)]
            if not rows.size:
                count = (taken.distortion == kind).sum()
                raise InputError(
                    f"levels: found {config.levels} of the {count} training images of {kind} in "
                    f"{index.database}, expected no more levels than images"
                )
            found[f"{kind}-{level}"] = rows
    return found


def _translator(model: DTGAN, mesh: Mesh) -> Translate:
    """Function that applies both generators to images [n, h, w, 3], one image at a time."""

    def both(variables: Any, image: jax.Array) -> Any:
        hallucinated: Any = model.apply(variables, image, method="distort")
        return hallucinated, model.apply(variables, hallucinated, method="recover")

    compiled = compile_predict(both, mesh)

    def translate(variables: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        generated = [jax.device_get(compiled(variables, image[None])) for image in images]
        hallucinated, recovered = zip(*generated, strict=True)
        return np.concatenate(hallucinated), np.concatenate(recovered)

    return translate


def _crops(source: Streamed | Resident, rows: np.ndarray) -> np.ndarray:
    """Central crops of the images in `rows`, float32 [n, crop, crop, 3] in [0, 1]."""
    crop = source.view.crop
    crops = np.array([source.middle(row) for row in rows], np.float32)
    return crops.reshape(-1, crop, crop, 3) / np.float32(255)


def _collapsed(name: str, about: Mapping[str, float]) -> bool:
    """Whether a generator changes nothing or makes one image only; if so, prints one line."""
    change, spread = about.get("change", np.inf), about.get("image_spread", np.inf)
    nothing, alike = change < LEAST_CHANGE, spread < LEAST_SPREAD
    if nothing:
        said = f"its images are the photographs: they differ by {change:.2g}"
    elif alike:
        said = f"its images are alike: they differ {spread:.2g} times as much as the photographs"
    else:
        return False
    print(f"{name}: collapsed, {said}", file=sys.stderr)
    return True


def _draw(
    generated: Mapping[str, tuple[np.ndarray, np.ndarray]],
    shown: np.ndarray,
    source: Any,
    path: Path,
    database: str,
) -> None:
    """Draws photographs, and their hallucinated and recovered images of each level, in rows.

    Each type of distortion has rows of its own: the more types, the fewer photographs.
    """
    kinds = list(dict.fromkeys(name.rpartition("-")[0] for name in generated))
    levels = [name.rpartition("-")[2] for name in generated if name.rpartition("-")[0] == kinds[0]]
    columns = ["pristine"] + [
        f"level {level}{end}" for level in levels for end in ("", ", recovered")
    ]
    pictures = {}
    for kind in kinds:
        for row in range(min(len(shown), max(1, ROWS // len(kinds)))):
            strips = [picture[row] for level in levels for picture in generated[f"{kind}-{level}"]]
            photograph = source.pristine.index.id[source.pristine_test[row]]
            pictures[f"{photograph} {kind}"] = [shown[row], *strips]
    plots.sheet(pictures, columns, path, f"{database}, hallucinated")
