"""How texts become vectors: word pieces, the small encoder of the ids, MiniLM, any other by name.

In come N texts; out come vectors, one a text.
"""
