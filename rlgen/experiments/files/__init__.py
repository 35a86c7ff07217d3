"""Texts and states come in; files go out that are whole or not there, whatever kills the program."""
