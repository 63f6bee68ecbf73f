"""Recognizers of other services, to which sound is sent over a WebSocket: OpenAI, Deepgram, and what speaks like them.

`protocol.py` says what a service's protocol consists of, and `openai.py` and `deepgram.py` implement it without a
connection. `utterance.py` keeps the audio and the words of an utterance, `link.py` the connection, and `stream.py` and
`engine.py` are what the rest of the program uses.
"""
