"""What can be known of a reward before anybody trains on it: logs that it is tried on, checks, distances, pictures."""
