"""People whose words are their own: played back from logs, spoken by a language model, or a real person."""
