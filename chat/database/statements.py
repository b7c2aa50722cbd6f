"""Statements on the way of every message, built once for each model.

The ORM builds a statement again each time, which takes about ten times as long as running it. These
are the few that each message needs; fields keep their own conversions, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Col

type Converter = Callable[[Any, Any, Any], Any]


def insert(row: models.Model) -> None:
    """Store a new row as `save` does, and set its key."""
    sql, fields = _insert(type(row))
    with connection.cursor() as cursor:
        cursor.execute(sql, [_prepared(field, row, add=True) for field in fields])
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


def update(row: models.Model, names: Sequence[str], **fence: Any) -> bool:
    """Store these fields of a row; False where it is gone or has other values than `fence`."""
    sql, fields, fenced = _update(type(row), tuple(names), tuple(fence))
    values = [_prepared(field, row, add=False) for field in fields]
    values.append(row.pk)
    values += [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fenced, fence.values(), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)


def columns(model: type[models.Model], alias: str) -> str:
    """All columns of a model's table, for a SELECT whose row `instance` takes."""
    return _columns(model, alias)


def instance[M: models.Model](model: type[M], values: Sequence[Any]) -> M:
    """A row as the ORM would load it, of the values of `columns`."""
    names, converters = _conversions(model)
    found = list(values)
    for at, column, convert in converters:
        found[at] = convert(found[at], column, connection)
    return model.from_db(connection.alias, names, found)


def parameter(model: type[models.Model], name: str, value: Any) -> Any:
    """A value of this field as its database takes it."""
    return model._meta.get_field(name).get_db_prep_value(value, connection)  # type: ignore[union-attr]


@cache
def _insert(model: type[models.Model]) -> tuple[str, list[Any]]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table, key = model._meta.db_table, _key(model)
    return f'INSERT INTO "{table}" ({names}) VALUES ({marks}) RETURNING "{key}"', fields  # noqa: S608


@cache
def _update(
    model: type[models.Model], names: tuple[str, ...], fence: tuple[str, ...]
) -> tuple[str, list[Any], list[Any]]:
    known = {field.name: field for field in model._meta.concrete_fields}
    known |= {field.attname: field for field in model._meta.concrete_fields}
    fields, fenced = [known[name] for name in names], [known[name] for name in fence]
    assigned = ", ".join(f'"{field.column}" = %s' for field in fields)
    where = " AND ".join(f'"{column}" = %s' for column in [_key(model), *_names(fenced)])
    return f'UPDATE "{model._meta.db_table}" SET {assigned} WHERE {where}', fields, fenced  # noqa: S608


@cache
def _columns(model: type[models.Model], alias: str) -> str:
    return ", ".join(f'{alias}."{name}"' for name in _names(model._meta.concrete_fields))


@cache
def _conversions(
    model: type[models.Model],
) -> tuple[list[str], list[tuple[int, Col, Converter]]]:
    """Attribute names, and converters for the values of some columns."""
    converters = []
    fields = model._meta.concrete_fields
    for at, field in enumerate(fields):
        column = field.get_col(model._meta.db_table)
        found = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
        converters += [(at, column, convert) for convert in found]
    return [field.attname for field in fields], converters


def _prepared(field: Any, row: models.Model, *, add: bool) -> Any:
    return field.get_db_prep_save(field.pre_save(row, add), connection)


def _names(fields: Sequence[Any]) -> list[str]:
    return [field.column for field in fields]


def _key(model: type[models.Model]) -> str:
    field = model._meta.pk
    assert field is not None
    return str(field.column)
