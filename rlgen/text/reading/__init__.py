"""What a text is perceived as, from its words alone: the reader, the judge and what they are made of."""
