"""Words in, captions out. Nothing here does I/O."""
