"""Policies that learn: a config comes in; a run folder that holds a policy, its metrics and checkpoints goes out."""
