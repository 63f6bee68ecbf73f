"""The built-in recognizer, which needs no download."""
