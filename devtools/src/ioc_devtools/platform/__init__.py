"""The embedded platform: where it keeps its state, which parts it has, and who watches them."""
