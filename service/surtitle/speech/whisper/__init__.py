"""Whisper with CTranslate2: windows of audio are decoded repeatedly while somebody is speaking."""
