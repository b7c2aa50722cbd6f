"""Values without rows: states, titles, prices, encrypted secrets."""
