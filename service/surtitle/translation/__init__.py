"""Live translation of captions."""
