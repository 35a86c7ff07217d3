"""Clients' requests come in; replies of simulated people go out, spoken for in batches."""
