"""How human the simulated people are: figures on dialogues that took no part in fitting."""
