"""The project's own texts, composed from phrase banks: what people say, and what supporters answer."""
