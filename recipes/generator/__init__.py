"""Training the project's own generator."""
