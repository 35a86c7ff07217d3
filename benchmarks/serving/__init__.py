"""Speed of many clients' dialogues beside the same dialogues one at a time."""
