"""Alerts: what keeps captions from their readers, found while it lasts and sent to the person who can mend it."""
