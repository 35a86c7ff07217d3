"""People whose words are their own: played back from logs, spoken by a language model, or a real person.

In comes a log, a model or a person; out come expressions with texts instead of indices of a bank.
"""
