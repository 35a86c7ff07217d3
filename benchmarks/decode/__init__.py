"""What the benches of speed compare with."""
