"""What turns inputs into a number: expressions given as data, and indices that a decision prescribes."""
