"""A search space and a budget come in; hyperparameters that hold on other seeds and other people go out."""
