"""Any Hugging Face causal language model as a generator."""
