"""How human the simulated people are: what it is measured on, the figures, and what they depend on."""
