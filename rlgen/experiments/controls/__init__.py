"""What controls do to the words: the parts of `rlgen bench controls`."""
