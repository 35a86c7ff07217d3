"""The project's own generator: a small conditional transformer and its batched decoder.

In and out go what every generator takes and gives (`rlgen.types.Generator`). A reply passes `window` (what is read),
`prefill` (what was said) and `decode` (what is answered); `generator` is the face of the three.
"""
