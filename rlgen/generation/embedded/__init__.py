"""The project's own generator: a small conditional transformer and its batched decoder."""
