"""Streaming models run by sherpa-onnx: transducers, Paraformer and CTC."""
