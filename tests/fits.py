"""A task fitted outside a run."""

from jiqa.tasks.task import TaskContext


def context(model, variables, dataset, split, config, folder, devices, seed=0):
    """Everything that a stage gives its task."""
    return TaskContext(dataset, split, folder, seed, config, model, variables, devices, "a test")


def fit(task, *arguments):
    """Result of a task, with its pictures; arguments as of `context`."""
    here = context(*arguments)
    fitted = task.fit(here)
    task.report(here, fitted)
    return fitted
