"""A module per sub-command: words of the command line come in, an exit status goes out."""
