"""The recognizer that needs no download."""
