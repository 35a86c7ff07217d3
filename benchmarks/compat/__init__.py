"""Third-party code run for real on rlgen's interfaces, and held to what the world itself did."""
