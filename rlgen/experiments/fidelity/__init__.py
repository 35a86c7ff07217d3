"""How human the simulated people are: what it is measured on, and what it depends on."""
