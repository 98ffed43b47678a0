"""The lists: filters, sort and page in the URL, a JSON twin, and CSV of all matching items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from baserun.exceptions import ConfigurationError, NarrowFilterError
from baserun.store import Page, Store
from baserun.store.filters import STATUSES, default_sort
from baserun_monitor import _filters, _periods
from baserun_monitor._exchange import Response, as_json, download, redirect
from baserun_monitor._export import Record, csv_of, json_of
from baserun_monitor._site import Visit

Item = TypeVar("Item", bound=Record)

FEEDBACKS = {"negative": "▼ negative", "positive": "▲ positive", "any": "any feedback"}
"""The values of the filter for feedback, with their labels."""
A_PAGE = 50
AN_EXPORT_PAGE = 500


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """The definition of one list, with its handlers."""

    noun: str
    template: str
    names: tuple[str, ...]
    """Its filters, as parameters of the query."""
    sorts: tuple[str, ...]
    read: Callable[..., Page[Item]]
    columns: tuple[str, ...]
    """The columns of its CSV file."""
    a_page: int = A_PAGE
    """Items on a page."""
    context: Callable[[Visit, Page[Item]], dict[str, Any]] = lambda visit, page: {}
    """Returns what its template needs besides the page."""

    def index(self, visit: Visit) -> Response:
        """Return the list as a page, JSON or CSV."""
        path = visit.request.path
        if path.endswith(".csv"):
            return self._exported(visit, csv_of(self.columns, self._all(visit)), "text/csv; charset=utf-8", "csv")
        if path.endswith(".json") and visit.params.get("all"):
            return self._exported(visit, json_of(self._all(visit)), "application/json", "json")
        if visit.wants_json:
            return as_json(self._page(visit.store, self._asked(visit), self.a_page).to_dict())
        return self._shown(visit)

    def narrow(self, visit: Visit) -> Response:
        """Redirect to the URL of the filters in a form; an e-mail address is replaced, to keep it out of URLs."""
        form = {name: value.strip() for name, value in visit.request.form.items() if value.strip()}
        if "user" in form:
            form["user"] = _filters.stored_user(visit.store, form["user"], visit.site.user_key)
        kept = {name: form[name] for name in (*self.names, "sort") if name in form}
        return redirect(visit.links.to(f"/{self.noun}", **kept))

    def _shown(self, visit: Visit) -> Response:
        status, notice, page = 200, None, Page[Item](items=[])
        try:
            page = self._page(visit.store, self._asked(visit), self.a_page)
        except ConfigurationError as error:
            status, notice = 400, str(error)
        except NarrowFilterError as error:
            status, notice = 503, str(error)
        return visit.page(
            self.template,
            self.noun.capitalize(),
            status=status,
            notice=notice,
            page=page,
            nav=self.noun,
            noun=self.noun,
            filters=_filters.shown(visit.params, self.names),
            sort=visit.params.get("sort") or default_sort(self.sorts),
            periods=_periods.PERIODS,
            statuses=STATUSES,
            feedbacks=FEEDBACKS,
            names=self.names,
            **self.context(visit, page),
        )

    def _asked(self, visit: Visit) -> dict[str, Any]:
        return _filters.of_address(visit.params, self.names, visit.now)

    def _page(self, store: Store, asked: dict[str, Any], limit: int) -> Page[Item]:
        return self.read(store, limit=limit, **asked)

    def _all(self, visit: Visit) -> Iterator[Item]:
        """Iterate over all matching items; the first page is read at once, so that an error is not in half a file."""
        asked = self._asked(visit)
        first = self._page(visit.store, asked, AN_EXPORT_PAGE)
        return self._following(visit.store, asked, first)

    def _following(self, store: Store, asked: dict[str, Any], page: Page[Item]) -> Iterator[Item]:
        yield from page.items
        while page.next is not None:
            page = self._page(store, {**asked, "after": page.next}, AN_EXPORT_PAGE)
            yield from page.items

    def _exported(self, visit: Visit, pieces: Iterable[bytes], kind: str, suffix: str) -> Response:
        return download(pieces, kind, f"baserun-{self.noun}-{visit.now:%Y-%m-%d}.{suffix}")
