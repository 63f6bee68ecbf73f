"""Whisper models that run on an inference pool, under Surtitle's own streaming."""
