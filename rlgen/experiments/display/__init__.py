"""Figures and progress come in; what a person at a terminal sees goes out: tables, bars, pictures."""
