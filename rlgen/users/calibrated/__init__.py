"""People fitted to rated human dialogues: their parameters, and how they live by them."""
