"""Walks through the pages of an issuer, as a person with a browser does."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPSHandler, Request, build_opener

_MOST_PAGES = 10
_LIMIT_S = 20.0


@dataclass
class Page:
    url: str
    text: str
    action: str | None = None
    """Where its form goes; None if it has none."""
    fields: dict[str, str] = field(default_factory=dict)


class Browser:
    def __init__(self, context: ssl.SSLContext) -> None:
        self._opener = build_opener(HTTPCookieProcessor(), HTTPSHandler(context=context))

    def go(self, url: str, fields: dict[str, str] | None = None) -> Page:
        body = None if fields is None else urlencode(fields).encode()
        with self._opener.open(Request(url, body), timeout=_LIMIT_S) as response:
            page = Page(response.url, response.read().decode())
        _Forms(page).feed(page.text)
        return page

    def approve(self, url: str, login: str) -> Page:
        """Fill in and send each form until there is none; return the last page."""
        page = self.go(url)
        for _ in range(_MOST_PAGES):
            if page.action is None:
                return page
            filled = {name: login if name == "login" else value or "any" for name, value in page.fields.items()}
            page = self.go(urljoin(page.url, page.action), filled)
        raise AssertionError(f"no end of forms: {page.text}")

    def deny(self, url: str) -> Page:
        """Refuse at the page that asks whether the code is the right one."""
        page = self.go(url)
        page = self.go(urljoin(page.url, page.action or ""), page.fields)
        return self.go(urljoin(page.url, page.action or ""), {**page.fields, "abort": "yes"})


class _Forms(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._page.action = found.get("action", "")
        elif tag == "input" and "name" in found:
            self._page.fields[found["name"]] = found.get("value", "")
