"""Speaker diarization, in its own process: finds out who speaks when, in parallel to recognition."""
