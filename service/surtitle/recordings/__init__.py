"""Sessions and what was recorded in them: starting, listening again, transcribing again."""
