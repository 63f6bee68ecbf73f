"""The migrations in order, one module for each step."""
