"""The command line and what stands behind it: options come in; runs, evaluations, dialogues and reports go out."""
