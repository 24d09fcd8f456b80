"""Helpers to fit a task outside a run."""

from jiqa.tasks.task import TaskContext


def context(model, variables, dataset, split, config, folder, devices, seed=0):
    """Context of a task, as a stage makes it."""
    return TaskContext(dataset, split, folder, seed, config, model, variables, devices, "a test")


def fit(task, *arguments):
    """Result of a task after its report; arguments as in `context`."""
    here = context(*arguments)
    fitted = task.fit(here)
    task.report(here, fitted)
    return fitted
