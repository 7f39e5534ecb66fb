"""One ingest from end to end: plan, analyse, commit in whole batches, mark what has vanished."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pyarrow as pa

from soundalike.encoders import Encoder
from soundalike.ingest.analyse import Analyst, Rows, failed_rows
from soundalike.ingest.plan import KnownFile, Plan, known_files, make_plan
from soundalike.ingest.pool import LocalPool, WorkerPool, WorkerSetup
from soundalike.ingest.report import Failure, OnProgress, Progress, Report
from soundalike.sources import Item, Limits, Source, is_gone
from soundalike.storage import EncoderRecord, Store, Writer

_COMMIT_EVERY_S = 2.0
_COMMIT_FILES = 2000
_COMMIT_VECTORS = 50_000
_LOCAL_FILES = 16  # up to here it is not worth a second to start workers
_LOCAL_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How an ingest runs; nothing here changes what comes of it.

    Attributes:
        jobs: Worker processes; by default one per processor. Workers run at low priority.
        isolate: True analyses in worker processes even when there is little to do, so that a file which
            crashes the decoder cannot take this process along.
        limits: Bounds that members of archives are held to when they are unpacked.
    """

    jobs: int | None = None
    isolate: bool = False
    limits: Limits = Limits()

    def worker_count(self) -> int:
        """How many worker processes are wished for."""
        if self.jobs is not None:
            return max(1, self.jobs)
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1


def ingest(
    store: Store,
    sources: Iterable[Source],
    encoder: Encoder,
    encoder_name: str,
    settings: IngestSettings = IngestSettings(),
    on_progress: OnProgress = lambda _progress: None,
) -> Report:
    """Bring everything that sources offer into a library.

    Killed at any moment, the library holds whole batches only, and the next ingest goes on from there. Ctrl-C
    commits what has been finished and returns a report that says so.

    Args:
        store: The library's tables.
        sources: Where the sounds are.
        encoder: What makes the vectors.
        encoder_name: The name or path that ``load_encoder`` makes the same encoder from, for the workers.
        settings: How many processes.
        on_progress: Called now and then, from this thread.

    Returns:
        What was done.

    Raises:
        LibraryBusyError: Another process is writing to the library.
        LibraryError: The tables cannot be written to (a full disk, say); what was committed is kept.
    """
    with ExitStack() as stack:
        sources = [stack.enter_context(source) for source in sources]
        writer = stack.enter_context(store.write())
        writer.ensure_encoder(encoder_record(encoder))
        run = _Run(store, writer, encoder, on_progress)
        plan = run.look(sources)
        pool = _choose_pool(plan, encoder, encoder_name, settings, run.embedded)
        try:
            run.refuse(plan)
            for heard in pool.run(plan.tasks()):
                run.take(heard.rows, heard.audio_s)
            run.commit()
            run.tell("tidying")
            run.settle(plan)
            writer.optimize()
        except KeyboardInterrupt:
            run.report.interrupted = True
        finally:
            pool.close()
        run.commit()
        return run.finish()


def encoder_record(encoder: Encoder) -> EncoderRecord:
    """What the library keeps of an encoder."""
    spec = encoder.spec
    return EncoderRecord(
        fingerprint=spec.fingerprint,
        name=spec.name,
        space=spec.space,
        dims=spec.dims,
        metric=spec.metric,
        unit_length=spec.unit_length,
        rate_hz=spec.rate_hz,
        window_s=spec.window_s,
        hop_s=spec.hop_s,
        config={"silence_db": spec.silence_db},
    )


def _choose_pool(
    plan: Plan, encoder: Encoder, encoder_name: str, settings: IngestSettings, embedded: set[str]
) -> LocalPool | WorkerPool:
    few = len(plan.todo) <= _LOCAL_FILES and plan.todo_bytes <= _LOCAL_BYTES
    if few and not settings.isolate:
        return LocalPool(Analyst(encoder, embedded, settings.limits))
    tasks = sum(1 for _ in plan.tasks())
    setup = WorkerSetup(encoder_name, encoder.spec.dims, sorted(embedded), settings.limits)
    return WorkerPool(max(1, min(settings.worker_count(), tasks)), setup)


@dataclass(slots=True)
class _Run:
    """The state of one ingest."""

    store: Store
    writer: Writer
    encoder: Encoder
    on_progress: OnProgress
    report: Report = field(default_factory=Report)
    known: dict[str, KnownFile] = field(default_factory=dict)
    embedded: set[str] = field(default_factory=set)
    pending: list[Rows] = field(default_factory=list)
    progress: Progress = field(default_factory=lambda: Progress("looking"))
    began: float = field(default_factory=time.monotonic)
    committed_at: float = field(default_factory=time.monotonic)
    known_sounds: set[str] = field(default_factory=set)
    arrived: dict[str, str] = field(default_factory=dict)  # sound_id -> uri of a new file with known content

    def look(self, sources: Iterable[Source]) -> Plan:
        """Find out what there is to do."""
        fingerprint = self.encoder.spec.fingerprint
        self.known = known_files(self.store)
        self.embedded = self.store.sound_ids_with_vectors(fingerprint)
        self.known_sounds = set(self.embedded)
        plan = make_plan(sources, self.known, self.embedded, lambda n: self.tell("looking", files_total=n))
        self.report.unchanged = plan.unchanged + plan.back
        self.tell("listening", files_total=len(plan.todo), bytes_total=plan.todo_bytes)
        self.committed_at = time.monotonic()
        return plan

    def refuse(self, plan: Plan) -> None:
        """Record what the sources could not offer."""
        failures = [
            (Item(bad.uri, bad.root, bad.uri.rsplit("/", 1)[-1], "none", ""), bad.reason)
            for bad in plan.unreadable
        ]
        if failures:
            self.pending.append(failed_rows(failures, self.encoder.spec.dims))

    def take(self, rows: Rows | None, audio_s: float) -> None:
        """Take what a worker told; commit when enough has come together."""
        self.progress = dataclasses.replace(self.progress, audio_s=self.progress.audio_s + audio_s)
        if rows is not None:
            self.pending.append(rows)
        files = sum(len(r.files) for r in self.pending)
        vectors = sum(len(r.vectors) for r in self.pending)
        waited_s = time.monotonic() - self.committed_at
        if files >= _COMMIT_FILES or vectors >= _COMMIT_VECTORS or (files and waited_s > _COMMIT_EVERY_S):
            self.commit()
        else:
            self.tell()

    def commit(self) -> None:
        """Write everything that waits, as one batch, then count it as done."""
        if self.pending:
            pending = self.pending
            files = pa.concat_tables([rows.files for rows in pending])
            files = self._keep_unreadable(files)
            sounds = pa.concat_tables([rows.sounds for rows in pending])
            vectors = pa.concat_tables([rows.vectors for rows in pending])
            self.writer.commit(files, sounds, {self.encoder.spec.fingerprint: vectors})
            self.pending = []  # not before: Ctrl-C in a commit leaves the batch to the last one
            self._count(files)
            self.report.audio_s += sum(rows.audio_s for rows in pending)
        self.committed_at = time.monotonic()
        self.tell()

    def _keep_unreadable(self, files: pa.Table) -> pa.Table:
        """A known file that cannot be read today, but has not changed, stays the sound that it was."""
        if files.column("error").null_count == len(files):
            return files
        rows = files.to_pylist()
        for row in rows:
            before = self.known.get(row["uri"]) if row["error"] else None
            if before is None or before.sound_id is None:
                continue
            unseen = row["modified_ns"] is None
            if unseen or (before.size_bytes, before.modified_ns) == (row["size_bytes"], row["modified_ns"]):
                row |= {"sound_id": before.sound_id, "size_bytes": before.size_bytes}
                row["modified_ns"] = before.modified_ns
        return pa.Table.from_pylist(rows, schema=files.schema)

    def _count(self, files: pa.Table) -> None:
        """Put every committed file into its list of the report."""
        report, size = self.report, 0
        columns = (
            files.column(name).to_pylist() for name in ("uri", "sound_id", "error", "warnings", "size_bytes")
        )
        for uri, sound_id, error, warnings, size_bytes in zip(*columns, strict=True):
            size += size_bytes or 0
            before = self.known.get(uri)
            report.warnings += [Failure(uri, warning) for warning in warnings]
            if error is not None:
                report.failed.append(Failure(uri, error))
            elif before is not None and before.sound_id == sound_id and sound_id in self.embedded:
                report.unchanged.append(uri)
            elif before is not None and before.sound_id not in (None, sound_id):
                report.changed.append(uri)
            elif sound_id in self.known_sounds:
                report.duplicates.append(uri)
                self.arrived.setdefault(sound_id, uri)
            else:
                report.added.append(uri)
            if error is None:
                self.known_sounds.add(sound_id)
        self.progress = dataclasses.replace(
            self.progress,
            files_done=self.progress.files_done + len(files),
            bytes_done=self.progress.bytes_done + size,
            failed=len(report.failed),
        )

    def settle(self, plan: Plan) -> None:
        """Mark what has vanished and what is back; a file that has moved leaves no trace at its old place."""
        gone: list[str] = []
        drop: list[str] = []
        for uri in plan.vanished:
            sound_id = self.known[uri].sound_id
            if sound_id is None:
                drop.append(uri)
            elif sound_id in self.arrived:
                drop.append(uri)
                self.report.moved.append(self.arrived[sound_id])
            else:
                gone.append(uri)
        # A place that was not scanned may be a drive that is away: its files are missing, not forgotten.
        left_behind = self._left_behind(plan)
        arrived = (self.arrived.get(self.known[uri].sound_id or "") for uri in left_behind)
        self.report.moved += [uri for uri in arrived if uri is not None]
        moved = set(self.report.moved)
        self.report.duplicates = [uri for uri in self.report.duplicates if uri not in moved]
        self.report.missing = gone
        if gone or left_behind:
            self.writer.set_missing([*gone, *left_behind], True)
        if plan.back:
            self.writer.set_missing(plan.back, False)
        if drop:
            self.writer.delete_files(drop)

    def _left_behind(self, plan: Plan) -> list[str]:
        """Places outside of what was scanned that are gone, of sounds that are at a new one now."""
        here = {*self.arrived, *(self.known[uri].sound_id for uri in plan.back)}
        seen = {*plan.vanished, *plan.back, *self.arrived.values()}
        return [
            uri
            for uri, file in self.known.items()
            if here and not file.missing and file.sound_id in here and uri not in seen and is_gone(uri)
        ]

    def tell(self, stage: str | None = None, **changes: int) -> None:
        """Tell whoever listens how far it is."""
        self.progress = dataclasses.replace(
            self.progress,
            stage=stage or self.progress.stage,
            elapsed_s=time.monotonic() - self.began,
            **changes,
        )
        self.on_progress(self.progress)

    def finish(self) -> Report:
        """Complete the report."""
        self.report.elapsed_s = time.monotonic() - self.began
        return self.report
