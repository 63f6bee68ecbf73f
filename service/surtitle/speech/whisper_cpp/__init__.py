"""Whisper models run by whisper.cpp, on processors and on GPUs of all makers, under Surtitle's own streaming."""
