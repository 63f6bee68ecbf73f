"""The database, which keeps settings, sessions and captions across runs of the service."""
