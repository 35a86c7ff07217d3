"""From recorded dialogues to calibrated people: the models, each fitted by its likelihood."""
