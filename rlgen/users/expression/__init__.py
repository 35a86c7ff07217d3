"""How people show what they feel: which utterance and recording they choose, how long, how it sounds."""
