"""An encoder trained on one's own library: compared with the one in use, and taken if it is better."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from soundalike.core.errors import LibraryError, SoundalikeError, TrainingError
from soundalike.core.units import human_count, human_duration
from soundalike.encoders import Encoder, load_encoder
from soundalike.library import Library
from soundalike.sources import item_of_uri
from soundalike.studies.comparison import Comparison, ComparisonConfig, HeldOutSound, compare_encoders
from soundalike.studies.comparison_page import write_comparison
from soundalike.studies.embedding_report import (
    EmbeddingConfig,
    EmbeddingProgress,
    OnEmbedding,
    Stage,
    TrainingReport,
    report_as_json,
)
from soundalike.studies.library_recording import Planned, Recording, read_sounds
from soundalike.studies.library_split import (
    FEWEST_SOUNDS,
    LibrarySound,
    choose_held_out,
    trainable_sounds,
)
from soundalike.studies.starting_point import choose_start
from soundalike.studies.switch_rule import decide
from soundalike.studies.training_run import (
    COMPARISON,
    ENCODER,
    REPORT,
    SOUNDS,
    Plan,
    check_same,
    choose_folder,
    load_plan,
    prepare_folder,
    write_json,
)
from soundalike.studies.unseen_copies import unseen_kinds
from soundalike.training import TrainingPairs

if TYPE_CHECKING:
    from soundalike.training import RunConfig, TrainingResult


def train_on_library(
    library: Library,
    config: EmbeddingConfig | None = None,
    *,
    run: RunConfig | None = None,
    on_progress: OnEmbedding = lambda _progress: None,
) -> TrainingReport:
    """Train an encoder on a library's own sounds, compare it with the one in use, and switch if it is better.

    A fifth of the sounds, whole folders of them, is held out before training. Stopped by Ctrl-C or killed,
    the same call goes on from there. The vectors of the old encoder stay.

    Args:
        library: An open library.
        config: What is wished for.
        run: How training runs on this machine.
        on_progress: Told how far it is.

    Returns:
        What came of it.

    Raises:
        MissingExtraError: Torch is not installed.
        TrainingError: Too few sounds; the run's folder holds another training, or only damaged checkpoints;
            the loss is not finite. The library is as it was.
        NotFoundError: There is no such encoder or recipe.
    """
    from soundalike.training import train as _torch_is_there  # noqa: F401, PLC0415 (before any work is done)

    config = config or EmbeddingConfig()
    job = _Job(library, config, run, on_progress)
    recording = job.read()
    result = job.train(recording)
    report = job.report(recording, result)
    if not result.finished:
        return report
    manifest = job.export(result, recording)
    new = load_encoder(manifest)
    comparison = job.compare(recording, new)
    decision = decide(comparison)
    page = write_comparison(job.folder / COMPARISON, comparison, decision)
    report = dataclasses.replace(
        report, manifest=manifest, comparison=comparison, page=page, decision=decision
    )
    if config.switch == "always" or (config.switch == "if better" and decision.switch):
        report = job.switch(report, manifest)
    if report.problem is None and (report.switched is None or not report.switched.interrupted):
        job.conclude(report)
    return report


class _Job:
    """One training on its way."""

    def __init__(
        self, library: Library, config: EmbeddingConfig, run: RunConfig | None, on_progress: OnEmbedding
    ) -> None:
        self._library, self._config, self._run, self._on_progress = library, config, run, on_progress
        self.name, self.folder = choose_folder(library.path, config.name, config.folder)
        self._known = None if config.anew else load_plan(self.folder)
        self._old = self._compared_with()
        self._start = choose_start(config.start, config.recipe, self._old, config.seed)
        self._kinds = unseen_kinds(self._start.trained_on)
        if self._config.anew:
            self._keep_start()
        self._plan = self._planned()
        self._began = time.monotonic()

    def _compared_with(self) -> Encoder:
        """The encoder in use; the one before, where the library listens with this run's own already."""
        in_use = self._library.encoder
        manifest = self.folder / ENCODER / f"{self.name}.json"
        if self._known is None or not manifest.is_file():
            return in_use
        try:
            own = load_encoder(manifest).spec.fingerprint
        except SoundalikeError:  # it was damaged, and will be written anew
            return in_use
        if own != in_use.spec.fingerprint:
            return in_use
        return Library.open(self._library.path, encoder=self._known.in_use, create=False).encoder

    def _keep_start(self) -> None:
        """Refuse to forget a run whose encoder is what the new one is to start from.

        Raises:
            TrainingError: The encoder lies in the folder that would be emptied.
        """
        model = self._start.model
        if model is not None and model.resolve().is_relative_to(self.folder.resolve()):
            raise TrainingError(
                f"{self._start.name} lies in {self.folder}, which --anew would empty, and is what the new "
                "training is to start from: choose another --name, or another start with --from."
            )

    def _planned(self) -> Plan:
        """The plan of the run that the folder holds, or a new one."""
        asked = {
            "start": self._start.fingerprint or self._start.name,
            "recipe": self._start.recipe.fingerprint,
            "seed": self._config.seed,
            "longest_s": self._config.longest_s,
            "hours": self._config.hours,
        }
        if self._known is not None:
            check_same(self._known, asked, self.folder)
            return self._known
        in_use = self._old.spec.fingerprint
        plan = make_plan(trainable_sounds(self._library), asked, in_use, self._config, self._start.notes)
        prepare_folder(self.folder, anew=self._config.anew)
        plan.save(self.folder)
        return plan

    def read(self) -> Recording:
        """Decode the sounds."""
        self._stage()
        recording = read_sounds(
            self._plan.sounds,
            self.folder / SOUNDS,
            self._start.recipe.input.rate_hz,
            longest_s=self._config.longest_s,
            on_read=lambda done_s, all_s: self._tell(
                "reading", done_s / max(all_s, 1e-9), f"{human_duration(done_s)} of audio"
            ),
        )
        if len(recording.sounds) < FEWEST_SOUNDS:
            why = (
                f" {recording.left_out[0].uri}: {recording.left_out[0].reason}" if recording.left_out else ""
            )
            raise TrainingError(
                f"Training needs at least {FEWEST_SOUNDS} sounds that can be read and differ in their audio; "
                f"of {len(self._plan.sounds)}, {len(recording.left_out)} cannot be read and "
                f"{recording.repeated} repeat others.{why}"
            )
        return recording

    def train(self, recording: Recording) -> TrainingResult:
        """Train, or go on with it."""
        from soundalike.training import RetrievalProbe, load_exported, train  # noqa: PLC0415 (need torch)

        trained_on, held = self._rows(recording)
        recipe = self._start.recipe
        initial = None
        if self._start.model is not None:
            initial = load_exported(self._start.model)[0].state_dict()
        try:
            probe = RetrievalProbe(recording.sounds, held, recipe)
        except TrainingError:  # too short or too soft for the curves; the comparison says so where it matters
            probe = None
        self._stage()
        return train(
            recipe,
            TrainingPairs(recording.sounds, recipe, trained_on),
            self.folder,
            minutes=self._config.minutes,
            steps=self._config.steps,
            device=self._config.device,
            probe=probe,
            initial=initial,
            run=self._run,
            on_progress=lambda one: self._on_progress(
                EmbeddingProgress(
                    "training", one.share, one.elapsed_s, f"step {one.step:,}, loss {one.figures['loss']:.3f}"
                )
            ),
        )

    def export(self, result: TrainingResult, recording: Recording) -> Path:
        """Write the new encoder; its files are replaced where they are there."""
        from soundalike.training import ExportConfig, export_encoder  # noqa: PLC0415 (need torch)

        count = len(self._rows(recording)[0])
        began = "" if self._start.model is None else f", starting from {self._start.fingerprint}"
        about = f"{human_count(count, 'sound')} of the user's own library{began}"
        settings = ExportConfig(self.name, training_data=about)
        return export_encoder(result.network, result.recipe, self.folder / ENCODER, settings)

    def compare(self, recording: Recording, new: Encoder) -> Comparison:
        """Hold old and new against each other."""
        self._stage()
        lasting_s = {one.sound.uri: one.sound.duration_s for one in self._plan.sounds}
        _, held = self._rows(recording)
        sounds = [recording.sounds.sounds[row] for row in held]
        return compare_encoders(
            [HeldOutSound(item_of_uri(one.name), one.group, lasting_s[one.name]) for one in sounds],
            self._old,
            new,
            kinds=self._kinds,
            config=ComparisonConfig(seed=self._config.seed),
            on_compared=lambda done, all_: self._tell("comparing", done / all_, f"{done} of {all_} sounds"),
        )

    def switch(self, report: TrainingReport, manifest: Path) -> TrainingReport:
        """Compute the vectors that are absent, then let the library listen with the new encoder."""
        self._stage()
        try:
            switched = self._library.use_encoder(
                str(manifest),
                force=self._config.switch == "always",
                jobs=self._config.jobs,
                isolate=True,
                on_progress=lambda one: self._tell(
                    "embedding",
                    one.files_done / one.files_total if one.files_total else None,
                    f"{one.files_done:,} of {human_count(one.files_total, 'file')}",
                ),
            )
        except LibraryError as error:  # files that are away: what was trained and found is told all the same
            return dataclasses.replace(report, problem=str(error))
        return dataclasses.replace(report, switched=switched)

    def report(self, recording: Recording, result: TrainingResult) -> TrainingReport:
        """What is known after training."""
        trained_on, held = self._rows(recording)
        notes = list(self._plan.notes)
        if recording.repeated:
            notes.append(f"Passed over, as their audio repeats others': {recording.repeated:,} sounds.")
        return TrainingReport(
            self.name,
            self.folder,
            self._start.name,
            self._start.recipe.fingerprint,
            len(trained_on),
            len(held),
            self._plan.held_out_by,
            result.steps,
            result.elapsed_s,
            result.finished,
            dict(result.figures),
            recording.left_out,
            tuple(notes),
        )

    def conclude(self, report: TrainingReport) -> None:
        """Write what came of it: a run with this file has come to its end."""
        write_json(self.folder / REPORT, report_as_json(report))

    def _rows(self, recording: Recording) -> tuple[list[int], list[int]]:
        """Which sounds of the recording are trained on, and which are held out.

        Raises:
            TrainingError: There are not two of each.
        """
        held_out = {one.sound.uri for one in self._plan.sounds if one.held_out}
        held = [row for row, one in enumerate(recording.sounds.sounds) if one.name in held_out]
        trained_on = sorted(set(range(len(recording.sounds))) - set(held))
        if len(held) < 2 or len(trained_on) < 2:
            raise TrainingError(
                f"Two sounds to learn from and two to judge by are needed; {len(trained_on)} and {len(held)} "
                "could be read and differ from all others."
            )
        return trained_on, held

    def _stage(self) -> None:
        self._began = time.monotonic()

    def _tell(self, stage: Stage, share: float | None, text: str) -> None:
        self._on_progress(EmbeddingProgress(stage, share, time.monotonic() - self._began, text))


def make_plan(
    sounds: Sequence[LibrarySound],
    asked: Mapping[str, Any],
    in_use: str,
    config: EmbeddingConfig,
    notes: Sequence[str] = (),
) -> Plan:
    """Choose what is held out, then what is read.

    Args:
        sounds: All sounds that can be trained on.
        asked: What was asked for.
        in_use: Fingerprint of the encoder in use.
        config: What is wished for.
        notes: What the user should know already.

    Returns:
        The plan of a new run.
    """
    held = choose_held_out(sounds, config.seed)
    notes = list(notes)
    if held.by != "folder":
        notes.append(
            f"Sounds are held out by {held.by}: there are no folders of which some could be held out whole."
        )
    cut = sum(sound.duration_s > config.longest_s for sound in sounds)
    if cut:
        taken = human_duration(config.longest_s)
        notes.append(f"Of {human_count(cut, 'longer sound')} only the first {taken} are trained on.")
    order = np.random.default_rng([config.seed, 1]).permutation(len(sounds))
    lengths_s = np.array([min(sound.duration_s, config.longest_s) for sound in sounds])
    fits = np.cumsum(lengths_s[order]) <= 3600.0 * config.hours
    fits[:FEWEST_SOUNDS] = True
    kept = np.sort(order[fits])
    if len(kept) < len(sounds):
        notes.append(
            f"{len(kept):,} of {len(sounds):,} sounds were drawn, as all would last more than "
            f"{config.hours:g} hours."
        )
    planned = tuple(Planned(sounds[row], bool(held.rows[row])) for row in kept.tolist())
    return Plan(asked, in_use, planned, held.by, tuple(notes))
