"""The shared cache where there is no Redis: the table that Django's database cache writes."""

from __future__ import annotations

from django.db import models


class CacheRow(models.Model):
    """One cached value. Django's `DatabaseCache` reads and writes the rows, by its name."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "chat_cache"

    def __str__(self) -> str:
        return self.cache_key
