"""Captions into other languages, while they are spoken."""
