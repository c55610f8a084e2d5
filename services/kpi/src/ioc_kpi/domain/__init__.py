"""Indicators, targets, values: what they are and how they follow from each other. No I/O, no clock."""
