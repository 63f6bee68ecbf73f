"""Written language: sentences, words that belong together, language tags. Imports nothing else of the service."""
