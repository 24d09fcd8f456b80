"""Tasks by name; a task decides what a stage learns, from which examples, by which loss."""

from typing import Any

from jiqa.tasks.gan import Gan
from jiqa.tasks.hallucinate import Hallucinate, Simulate
from jiqa.tasks.levels import Levels
from jiqa.tasks.metric import MetricTask
from jiqa.tasks.restore import Restore
from jiqa.tasks.ridge import RidgeTask
from jiqa.tasks.scores import Scores
from jiqa.tasks.svr import SvrTask
from jiqa.tasks.task import Descent, Fitted, Fitter, TaskContext

__all__ = ["TASKS", "Descent", "Fitted", "Fitter", "TaskContext"]

TASKS: dict[str, Fitter[Any]] = {
    "gan": Gan(),
    "hallucinate": Hallucinate(),
    "levels": Levels(),
    "metric": MetricTask(),
    "restore": Restore(),
    "ridge": RidgeTask(),
    "scores": Scores(),
    "simulate": Simulate(),
    "svr": SvrTask(),
}
