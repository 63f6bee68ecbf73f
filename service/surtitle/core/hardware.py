"""The computer that the service runs on."""

from __future__ import annotations

import platform
from pathlib import Path


def has_gpu() -> bool:
    """Whether CTranslate2 finds a CUDA device."""
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count()) > 0


def processor_name() -> str:
    """The processor's model name, or its architecture where the model is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()
