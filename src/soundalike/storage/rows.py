"""Rows on their way into a table: in the table's columns, and each of them once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundalike.core.errors import InvalidInputError


def fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Bring a table's columns into a schema's order and types.

    Raises:
        InvalidInputError: A column is missing, one too many, of another type, or null where it must not be.
    """
    if set(table.column_names) != set(schema.names):
        raise InvalidInputError(
            f"Expected the columns {', '.join(schema.names)}; got {', '.join(table.column_names)}."
        )
    try:
        fitted = table.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidInputError(f"The rows do not fit the columns: {error}.") from error
    if "vector" in schema.names:
        finite = pc.is_finite(pc.list_flatten(fitted.column("vector")))
        if not pc.all(finite, skip_nulls=False, min_count=0).as_py():
            raise InvalidInputError(
                "Every value of a vector must be finite; some are NaN, infinite or absent."
            )
    return fitted


def last_of_each(table: pa.Table, key: str) -> pa.Table:
    """Keep the last row of each key."""
    position = {value: row for row, value in enumerate(table.column(key).to_pylist())}
    return table if len(position) == table.num_rows else table.take(sorted(position.values()))


def first_of_each_stretch(rows: pa.Table) -> pa.Table:
    """Keep the first of the vectors of each stretch: two workers may both have met the same new content."""
    sounds = rows.column("sound_id").combine_chunks().dictionary_encode().indices.to_numpy()
    starts_s = pc.fill_null(rows.column("start_s"), -1.0).to_numpy()  # a whole sound starts before all parts
    order = np.lexsort((starts_s, sounds))  # stable: what comes first in the batch stays first
    again = (np.diff(sounds[order]) == 0) & (np.diff(starts_s[order]) == 0)
    if not again.any():
        return rows
    keep = np.ones(rows.num_rows, np.bool_)
    keep[order[1:][again]] = False
    return rows.filter(pa.array(keep))
