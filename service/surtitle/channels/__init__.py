"""Where captions are kept and handed out: channels, their sources and their readers."""
