"""Whisper by CTranslate2: windows of sound, decoded again and again while somebody speaks."""
