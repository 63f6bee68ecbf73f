"""Surtitle: live captions for anything a browser tab or OBS can play."""

__version__ = "0.1.0"
