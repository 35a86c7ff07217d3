"""People for whom what helps depends on their state: five mechanisms from the literature, each with a switch.

In comes `TheoryConfig` with its coefficients; out come `TheoryUsers`. Formulas: `docs/users/theory.md`.
"""
