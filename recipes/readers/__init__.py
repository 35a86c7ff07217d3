"""Fitting what reads a text: linear heads over an encoder, the fluency net, the judge; figures on held-out texts."""
