"""What exists in the province: pure data and rules, no I/O."""
