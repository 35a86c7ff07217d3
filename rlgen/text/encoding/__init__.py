"""How texts become vectors: word pieces, the frozen sentence encoder and its fast student."""
