"""Captions into OBS closed captions (CEA-608)."""
