"""Write a checkpoint as the `.nemo` file that is shipped."""

import argparse
from pathlib import Path

import torch

from tests.trained_models.sortformer.network import fresh

MODEL = Path(__file__).with_name("model.nemo")


def main() -> None:
    """Write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of train.py's checkpoint")
    parser.add_argument("--model", type=Path, default=MODEL)
    options = parser.parse_args()
    model = fresh()
    model.load_state_dict(torch.load(options.work / "checkpoint.pt")["model"])
    model.eval().half().save_to(str(options.model))  # loads as float32 all the same
    print(f"{options.model}: {options.model.stat().st_size} bytes")


if __name__ == "__main__":
    main()
