"""The JSON that the pages and the extension read, as types; `scripts/protocol_types.py` makes TypeScript of them.

What is sent is constructed as one of these types, so the type checker finds a field that is missing, unknown or of
another type. Each module has one family of messages.

A channel's settings are in `channels.settings`, its styles in `channels.style`, and what clients send is in the module
that decodes it: `web.messages`, `web.corrections`. docs/protocol.md explains all of it.
"""
