"""Recorded dialogues, and what they say in numbers: ratings, endings, wordings, readings of the replies.

In come files of JSON; out come dialogues (`dialogues.Dialogue`) and arrays of them (`observations`).
"""
