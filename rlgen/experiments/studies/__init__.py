"""Many runs at once: a study comes in; its runs, comparisons of them and hyperparameters tuned on them go out."""
