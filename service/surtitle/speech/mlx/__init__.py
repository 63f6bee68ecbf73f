"""Whisper models run by MLX on Apple silicon, under Surtitle's own streaming."""
