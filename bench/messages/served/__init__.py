"""Applications that daphne serves for this part, each found by its own name beside any tree."""
