"""What a text is perceived as, from its words alone: the reader, the judge and what they are made of.

In come texts, what each answers and the same speaker's earlier ones; out come `rlgen.types.Reading`s, of the judge
`judge.Judgement`s.
"""
