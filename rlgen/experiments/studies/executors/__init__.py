"""Where many jobs run: the name of a function and plain specs come in; what became of each goes out as it is done."""

from rlgen.experiments.studies.executors.executor import Done, Executor, ExecutorOptions, open_executor

__all__ = ["Done", "Executor", "ExecutorOptions", "open_executor"]
