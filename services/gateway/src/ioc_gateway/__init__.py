"""Gateway: the one public edge (REST, SSE, TAXII)."""
