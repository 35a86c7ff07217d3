"""How the frozen models that come with the package are made; no part of the package.

In come phrase banks of the project's own writing and, where a manifest says so, a researcher's copies of data sets;
out come the folders of `rlgen/artifacts`. Each manifest names the command that makes its folder anew:

    python -m recipes.utterances --out DIR      what simulated people say
    python -m recipes.writing                   checks what was written for the generator, whole
    python -m recipes.generator --out DIR       the small language model that answers
    python -m recipes.encoder --out DIR         the small sentence encoder
    python -m recipes.readers --data DIR        what reads replies, and the judge
    python -m recipes.transitions --data DIR    how far a turn sounds like the one before
    python -m recipes.tables --out DIR          what the models make of the banks, kept

People, recognizers and signal banks are fitted by commands of `rlgen`, since researchers fit their own.
"""
