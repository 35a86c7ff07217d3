"""Dialogues turn by turn: simulated ones, and those with a real person."""
