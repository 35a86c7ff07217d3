"""Files that are whole or not there, whatever kills the program."""
