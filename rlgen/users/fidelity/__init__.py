"""How human the simulated people are: figures on dialogues that took no part in fitting.

In come human dialogues and parameters of people; out come figures by name and model (`crossfit.Figures`).
"""
