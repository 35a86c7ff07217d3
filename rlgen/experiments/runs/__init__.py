"""Trained runs: the folder, the training that fills it, the world that it goes on in."""
