"""Causal language models that others trained: loading them, and dialogues as their prompts."""
