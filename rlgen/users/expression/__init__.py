"""How people show what they feel: which utterance and recording they choose, how long, how it sounds.

In comes what is felt, in numbers (`voices.Felt`); out come indices of both banks (`rlgen.types.Expression`).
"""
