"""What there is to do: what a scan finds, held against what the library knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from soundalike.sources import Item, Source, Unreadable
from soundalike.storage import Store

_TASK_FILES = 64
_TASK_BYTES = 8 * 1024 * 1024  # small enough that a batch is committed every few seconds


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the library knows of a file."""

    sound_id: str | None
    size_bytes: int | None
    modified_ns: int | None
    missing: bool
    failed: bool


@dataclass(slots=True)
class Plan:
    """What a scan came to.

    Attributes:
        todo: Files to analyse: new, changed, failed before, or not known to this encoder.
        unchanged: Files to leave alone.
        back: Files that were missing and are there again, unchanged.
        unreadable: What the sources could not offer.
        vanished: Known files that a complete scan of their place did not find.
    """

    todo: list[Item] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)

    @property
    def todo_bytes(self) -> int:
        """Size of all files to analyse, where known."""
        return sum(item.size_bytes or 0 for item in self.todo)

    def tasks(self) -> Iterator[list[Item]]:
        """Cut the work into tasks: some dozen small files, or one large one."""
        task: list[Item] = []
        size = 0
        for item in self.todo:
            item_size = item.size_bytes or 0
            if task and (len(task) >= _TASK_FILES or size + item_size > _TASK_BYTES):
                yield task
                task, size = [], 0
            task.append(item)
            size += item_size
        if task:
            yield task


def known_files(store: Store) -> dict[str, KnownFile]:
    """Read what the library knows of every file, by uri."""
    table = store.read_files(columns=["uri", "sound_id", "size_bytes", "modified_ns", "missing", "error"])
    columns = (table.column(name).to_pylist() for name in table.column_names)
    by_name = dict(zip(table.column_names, columns, strict=True))
    return {
        uri: KnownFile(sound_id, size_bytes, modified_ns, missing, error is not None)
        for uri, sound_id, size_bytes, modified_ns, missing, error in zip(
            *(by_name[n] for n in ("uri", "sound_id", "size_bytes", "modified_ns", "missing", "error")),
            strict=True,
        )
    }


def make_plan(
    sources: Iterable[Source],
    known: dict[str, KnownFile],
    embedded: set[str],
    on_seen: Callable[[int], None] = lambda _count: None,
) -> Plan:
    """Scan sources and decide for each file what is to be done.

    Args:
        sources: Where to look.
        known: What the library knows, by uri.
        embedded: Ids of sounds that have vectors of the encoder at hand.
        on_seen: Called now and then with how many files were seen.
    """
    plan = Plan()
    sources = list(sources)
    seen: set[str] = set()
    for source in sources:
        for found in source.scan():
            if found.uri in seen:
                continue
            seen.add(found.uri)
            if len(seen) % 256 == 0:
                on_seen(len(seen))
            _place(found, plan, known.get(found.uri), embedded)
    on_seen(len(seen))
    plan.vanished = _vanished(sources, known, seen)
    return plan


def _vanished(sources: Iterable[Source], known: dict[str, KnownFile], seen: set[str]) -> list[str]:
    """Find the known files that should have been seen, and were not."""
    left = [uri for uri, file in known.items() if not file.missing and uri not in seen]
    vanished: list[str] = []
    for source in sources:
        # A source that offered its own root is a single file: thousands of these may have been named.
        if left and source.complete and source.root not in seen:
            gone = {uri for uri in left if uri == source.root or source.covers(uri)}
            vanished += [uri for uri in left if uri in gone]
            left = [uri for uri in left if uri not in gone]
    return vanished


def _place(found: Item | Unreadable, plan: Plan, known: KnownFile | None, embedded: set[str]) -> None:
    """Put one thing that was found where it belongs."""
    if isinstance(found, Unreadable):
        plan.unreadable.append(found)
        return
    same = (
        known is not None
        and not known.failed
        and known.sound_id in embedded
        and found.size_bytes is not None
        and found.modified_ns is not None
        and (known.size_bytes, known.modified_ns) == (found.size_bytes, found.modified_ns)
    )
    if not same or found.metadata:
        plan.todo.append(found)
    elif known is not None and known.missing:
        plan.back.append(found.uri)
    else:
        plan.unchanged.append(found.uri)
