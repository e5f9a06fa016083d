"""The trained network that comes with the package: SuDoRM-RF 0.25x, for mixtures of two sounds.

Its card says what it was trained on and what to expect of it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "sudormrf-0.25x-sounds.safetensors"
CARD = FOLDER / "README.md"
