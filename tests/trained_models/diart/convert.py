"""Write the trained networks as the ONNX files that diart loads."""

import argparse
import warnings
from pathlib import Path

import torch

from tests.trained_models.diart.network import FRAMES, SECONDS, Embedding, Segmentation
from tests.trained_models.sortformer.flite import RATE

MODEL = Path(__file__).with_name("model")
BATCH = {0: "batch"}


def main() -> None:
    """Write `segmentation.onnx` and `embedding.onnx`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the checkpoint that train.py wrote")
    parser.add_argument("--model", type=Path, default=MODEL)
    options = parser.parse_args()
    options.model.mkdir(parents=True, exist_ok=True)
    state = torch.load(options.work / "diart.pt")["modules"]
    sound = torch.zeros(1, 1, round(SECONDS * RATE))
    warnings.simplefilter("ignore")
    for name, network, inputs in (
        ("segmentation", Segmentation(), {"waveform": sound}),
        ("embedding", Embedding(), {"waveform": sound, "weights": torch.ones(1, FRAMES)}),
    ):
        prefix = f"{name}."
        network.load_state_dict({key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)})
        file = options.model / f"{name}.onnx"
        torch.onnx.export(
            network.eval(), tuple(inputs.values()), file, dynamo=False, input_names=[*inputs], output_names=[name],
            dynamic_axes=dict.fromkeys((*inputs, name), BATCH),
        )  # fmt: skip
        print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
