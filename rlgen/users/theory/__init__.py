"""People for whom what helps depends on their state: five interactions from the literature."""
