"""How the shipped frozen models are made: `python -m recipes.NAME`, the command that a model's manifest names."""
