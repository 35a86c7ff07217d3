"""A config comes in; a run goes out: its folder, the training that fills it, the world that it goes on in."""
