"""Channels: the captions they hold, the sources that produce them, and the feeds that readers follow."""
