"""A world, a policy and persons come in; turns go out, and lines of JSON: simulated people, or a real one."""
