"""From recorded dialogues to parameters of calibrated people: each model by its likelihood, with its uncertainty.

In come dialogues and the readings of their replies; out comes a `rlgen.users.calibrated.parameters.Fit`.
"""
