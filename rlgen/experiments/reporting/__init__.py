"""A run's files come in; one page goes out that shows what it did, with its charts."""
