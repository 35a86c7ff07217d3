"""Texts of real people, from a researcher's own copies of data sets: nothing of them is shipped."""
