"""The small sentence encoder: a student that repeats the vectors of all-MiniLM-L6-v2 on texts of this world."""
