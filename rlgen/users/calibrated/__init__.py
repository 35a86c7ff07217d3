"""People fitted to rated human dialogues.

In come the parameters of a fit (`parameters.Fit`) by `CalibratedConfig`; out come `CalibratedUsers`. What was not
fitted is named as assumed.
"""
