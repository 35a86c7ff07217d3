"""Our own measurements: not part of the package, run from the repository; `python -m benchmarks` lists them."""
