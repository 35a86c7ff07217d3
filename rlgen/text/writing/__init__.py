"""The project's own texts: phrase banks, what is composed from them, contrast sentences."""
