"""Audio from media streams: opening them, reading them in a thread, and reconnecting when they break."""
