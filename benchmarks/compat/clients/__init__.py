"""One script a client: each has `check(report)`, which trains for real and checks what the client made of it."""
