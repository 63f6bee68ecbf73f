"""Measures the service, and WhisperLiveKit beside it, on the same model and the same speech."""
