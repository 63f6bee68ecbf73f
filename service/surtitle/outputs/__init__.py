"""Where captions are pushed to: OBS closed captions."""
