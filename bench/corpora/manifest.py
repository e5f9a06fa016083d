"""Validation and test sets: drawn once from a seed, stored as what each mixture is made of.

A manifest is JSON Lines: a head, then a line for each mixture with its recordings, places and
gains, and a hash of the samples that follow from them. So the same corpus gives the same mixtures
to the bit on any machine, whatever its random generators do, and another corpus is found out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.corpora.audio import AudioStore
from bench.corpora.corpus import SPLITS, Corpus, Split
from bench.corpora.mixing import Mixer, Mixture, Part, Piece, Plan, realize
from bench.errors import UsageError
from bench.files import write_whole

SCHEMA = 1
DEFAULT_N_MIXTURES = 3000


@dataclass(frozen=True)
class Manifest:
    """Mixtures by what they are made of, each with the hash of its samples."""

    corpus: str
    split: Split
    seed: int
    plans: tuple[Plan, ...]
    digests: tuple[str, ...]

    @property
    def n_src(self) -> int:
        """Sources of each mixture."""
        return len(self.plans[0].parts) if self.plans else 0

    @property
    def digest(self) -> str:
        """One hash for all mixtures: equal for equal test sets."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()[:16]


def digest_mixture(mixture: Mixture) -> str:
    """A hash of the samples, on any machine."""
    digest = hashlib.sha256(mixture.mixture.astype("<f4").tobytes())
    digest.update(mixture.sources.astype("<f4").tobytes())
    return digest.hexdigest()[:16]


def draw_manifest(mixer: Mixer, split: Split, n_mixtures: int = DEFAULT_N_MIXTURES) -> Manifest:
    """The first mixtures of epoch 0."""
    plans = tuple(mixer.plan(0, index) for index in range(n_mixtures))
    digests = tuple(digest_mixture(realize(plan, mixer.store)) for plan in plans)
    return Manifest(mixer.corpus.name, split, mixer.seed, plans, digests)


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        UsageError: it can't be written.
    """
    head = {
        "schema": SCHEMA,
        "corpus": manifest.corpus,
        "split": manifest.split,
        "seed": manifest.seed,
        "n_mixtures": len(manifest.plans),
    }
    lines = [head]
    for plan, digest in zip(manifest.plans, manifest.digests, strict=True):
        lines.append(asdict(plan) | {"sha256": digest})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise UsageError(f"The manifest can't be written to {path}: {error.strerror}.") from error


def read_manifest(path: Path) -> Manifest:
    """The manifest that ``write_manifest`` wrote.

    Raises:
        UsageError: it can't be read, or is not a whole manifest of this schema.
    """
    try:
        head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if head["schema"] != SCHEMA:
            raise ValueError(f"schema {head['schema']}, this version reads {SCHEMA}")
        if len(lines) != head["n_mixtures"] or head["split"] not in SPLITS:
            raise ValueError(f"{len(lines)} of {head['n_mixtures']} mixtures")
        return Manifest(
            head["corpus"],
            head["split"],
            head["seed"],
            tuple(map(_parse_plan, lines)),
            tuple(line["sha256"] for line in lines),
        )
    except OSError as error:
        raise UsageError(f"The manifest {path} can't be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not a whole manifest ({error}). Delete it to have it drawn anew."
        ) from error


def _parse_plan(line: Mapping[str, Any]) -> Plan:
    parts = (
        Part(part["label"], tuple(Piece(*piece) for piece in part["pieces"]), part["gain"])
        for part in line["parts"]
    )
    return Plan(line["snr_db"], tuple(parts), line["n_samples"])


def load_or_draw_manifest(mixer: Mixer, split: Split, n_mixtures: int, path: Path) -> Manifest:
    """The manifest in a file; where there is none, it is drawn and stored there.

    Raises:
        UsageError: the file is of another corpus, split, seed or number of mixtures or sources.
    """
    if not path.exists():
        write_manifest(draw_manifest(mixer, split, n_mixtures), path)
    manifest = read_manifest(path)
    compared = {
        "corpus": (manifest.corpus, mixer.corpus.name),
        "--split": (manifest.split, split),
        "--seed": (manifest.seed, mixer.seed),
        "--mixtures": (len(manifest.plans), n_mixtures),
        "--n-src": (manifest.n_src, mixer.recipe.n_src),
    }
    found = [
        f"{name} {is_} (not {asked})" for name, (is_, asked) in compared.items() if is_ != asked
    ]
    if found:
        raise UsageError(
            f"The manifest {path} is of {', '.join(found)}. Ask for what it has, or name another "
            "file with --manifest FILE."
        )
    return manifest


class ManifestMixer:
    """The mixtures of a manifest, each checked against its hash.

    Raises:
        UsageError: the corpus lacks recordings that the manifest names, or its audio can't be used.
    """

    def __init__(
        self,
        manifest: Manifest,
        corpus: Corpus,
        *,
        cache: Path | None = None,
        skip_bad: bool = False,
    ) -> None:
        self.manifest, self.corpus = manifest, corpus
        recordings = corpus.of_split(manifest.split)
        self.store = AudioStore(corpus.root, recordings, cache, skip_bad=skip_bad)
        named = {p.path for plan in manifest.plans for part in plan.parts for p in part.pieces}
        missing = sorted(path for path in named if path not in self.store)
        if missing:
            raise UsageError(
                f"The corpus in {corpus.root} lacks {len(missing)} recordings that the manifest of "
                f"{manifest.corpus!r} names, the first is {missing[0]!r}. Name the corpus it was "
                "drawn from with --corpus DIR."
            )

    def draw(self, epoch: int, index: int) -> Mixture:
        """Mixture number ``index``, the same in every epoch.

        Raises:
            UsageError: its samples are not those that the manifest was made from.
        """
        del epoch
        plan = self.manifest.plans[index]
        mixture = realize(plan, self.store)
        if digest_mixture(mixture) != self.manifest.digests[index]:
            files = sorted({piece.path for part in plan.parts for piece in part.pieces})
            raise UsageError(
                f"Mixture {index} is not the one that the manifest was drawn with: at least one of "
                f"{', '.join(files)} in {self.corpus.root} has other samples."
            )
        return mixture
