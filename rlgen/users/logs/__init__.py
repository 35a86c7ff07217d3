"""Recorded dialogues, and what they say in numbers: ratings, endings, wordings, readings of the replies."""
