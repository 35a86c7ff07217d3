"""What controls do to the words: the parts of `python -m benchmarks.controls`."""
