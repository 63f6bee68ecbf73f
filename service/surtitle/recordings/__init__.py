"""Sessions and their recordings: recording, playing back, transcribing again."""
