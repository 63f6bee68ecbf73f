"""Names of models to files, and files to loaded models."""
