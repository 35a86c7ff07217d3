"""How well texts are read: figures beside plain peers, confusions, swaps of who is spoken of."""
