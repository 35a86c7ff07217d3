"""Are alarms of gaming right? `python -m benchmarks.gaming`."""
