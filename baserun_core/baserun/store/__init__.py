"""Stores: opening one, and the types of what it returns."""

from __future__ import annotations

from baserun.store._contract import Sink, Store
from baserun.store._location import StoreLocation, resolve
from baserun.store._open import open_sink, open_store
from baserun.store.activity import Activity, ActivityBucket, BusyModel, BusyUser
from baserun.store.filters import SessionFilters, TraceFilters, UserFilters
from baserun.store.results import (
    ErasureReceipt,
    Page,
    PruneReceipt,
    SearchHit,
    StoredAnnotation,
    StoredCall,
    StoredError,
    StoredSession,
    StoredSpan,
    StoredTrace,
    StoredUsage,
    StoredUser,
    StoreInfo,
)

__all__ = [
    "Activity",
    "ActivityBucket",
    "BusyModel",
    "BusyUser",
    "ErasureReceipt",
    "Page",
    "PruneReceipt",
    "SearchHit",
    "SessionFilters",
    "Sink",
    "Store",
    "StoreInfo",
    "StoreLocation",
    "StoredAnnotation",
    "StoredCall",
    "StoredError",
    "StoredSession",
    "StoredSpan",
    "StoredTrace",
    "StoredUsage",
    "StoredUser",
    "TraceFilters",
    "UserFilters",
    "open_sink",
    "open_store",
    "resolve",
]
