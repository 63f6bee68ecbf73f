"""Captions: made from words, laid out, corrected and exported. Nothing here does I/O."""
