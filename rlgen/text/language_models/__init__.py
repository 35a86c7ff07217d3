"""Causal language models that others trained: loading them, and dialogues as their prompts.

In come the name or folder of a model, and turns of a dialogue; out come the model with its tokenizer, and prompts.
"""
