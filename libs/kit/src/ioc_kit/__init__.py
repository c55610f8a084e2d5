"""The runtime kit that every service stands on; it knows no city noun."""
