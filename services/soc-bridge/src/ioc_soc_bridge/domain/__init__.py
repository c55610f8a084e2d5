"""Security events, the incidents they make, and what is told of them: frozen data and pure functions."""
