"""Importing lancedb quickly leaves it whole, and happens only when a table is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from soundalike.storage import Store


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_opening_needs_no_lancedb_and_reading_not_its_rest_client(store: Store) -> None:
    code = """
import sys
from soundalike.storage import Store
store = Store.open(sys.argv[1])
store.versions(), store.encoders()
assert "lancedb" not in sys.modules
assert store.read_files().num_rows == 5
assert "lancedb" in sys.modules
print([name for name in sys.modules if name.startswith("lance_namespace_urllib3_client")])
"""
    assert run(code, str(store.path)) == "[]"


def test_lancedb_is_whole_afterwards() -> None:
    code = """
from soundalike.storage.lancedb_import import import_lancedb
lancedb = import_lancedb()
from lancedb.namespace import JsonArrowField, ListTablesResponse
import lance_namespace_urllib3_client.models as models
made = ListTablesResponse(tables=["a"])
assert type(made) is models.ListTablesResponse
assert isinstance(made, ListTablesResponse) and not isinstance(3, ListTablesResponse)
class Sub(JsonArrowField): pass
assert issubclass(Sub, models.JsonArrowField)
assert import_lancedb() is lancedb
print(made.tables)
"""
    assert run(code) == "['a']"


def test_another_version_of_lancedb_is_imported_plainly(tmp_path: Path) -> None:
    """Where the deferred names do not do, the second attempt is an import like any other."""
    code = """
import sys
from soundalike.storage import lancedb_import
def refuse(self, *args): raise TypeError("used while importing")
lancedb_import._Module.__getattr__ = refuse
lancedb = lancedb_import.import_lancedb()
assert "lance_namespace_urllib3_client" in sys.modules
print(len(lancedb.connect(sys.argv[1]).list_tables().tables))
"""
    assert run(code, str(tmp_path)) == "0"
