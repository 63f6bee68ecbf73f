"""Model files: their names, and where they are on this computer."""
