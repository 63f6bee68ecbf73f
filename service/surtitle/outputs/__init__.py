"""Captions to other programs and services: caption URLs, webhooks, files, text sources and titles, and HLS."""
