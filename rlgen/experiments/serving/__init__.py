"""Simulated people for many clients at once."""
