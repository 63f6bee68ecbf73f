"""Written language: sentences, line breaking, and language tags. Imports nothing from the rest of the service."""
