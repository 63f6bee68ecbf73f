"""The wire: endpoints, messages, pages and who may talk to us."""
