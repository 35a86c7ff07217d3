"""Fitting what reads and encodes: linear heads, readers and judge, the fluency net, the fast encoder."""
