"""Life of an attempt: turn, prompt, claim and end."""
