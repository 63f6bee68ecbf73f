"""What outlives the service: settings, sessions and their captions, in a database."""
