"""Any Hugging Face causal language model as a generator.

In and out go what every generator takes and gives (`rlgen.types.Generator`). Controls and emotion become words of a
prompt (`prompts`), emotional weight guidance (`guided`), tone on request directions in hidden states (`steering`).
"""
