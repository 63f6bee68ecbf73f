"""Captions between services that share a bus: each serves the readers of channels that any of them captions."""
