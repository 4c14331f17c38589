"""Turns the Markdown of a snapshot into one HTML file: no script, no link, nothing fetched, every text escaped.

It reads the Markdown that `story.py` and the runbooks write, no more: headings, lists, tables, paragraphs, bold, code, pictures.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .9rem; }
th, td { border: 1px solid #8886; padding: .2rem .5rem; text-align: left; vertical-align: top; }
img { max-width: 100%; height: auto; background: #fff; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_HEADING = re.compile(r"(#{1,3}) (.*)")
_ITEM = re.compile(r"( *)(?:-|\d{1,2}\.) (.*)")
_INLINE = re.compile(r"\\(?P<plain>[!-/:-@\[-`{-~])|`(?P<code>[^`]*)`|(?P<bold>\*\*)|\[(?P<text>[^\]\\]*)\]\([^)]*\)")
_CELL = re.compile(r"(?<!\\)\|")


def page(markdown: str, pictures: Mapping[str, bytes]) -> str:
    """The page as one HTML document. `pictures` are SVG files by name; they become part of it."""
    lines = markdown.splitlines()
    title = lines[0].removeprefix("# ") if lines else ""
    body = "\n".join(_blocks(lines, pictures))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _blocks(lines: Sequence[str], pictures: Mapping[str, bytes]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        heading, picture = _HEADING.fullmatch(line), _PICTURE.fullmatch(line)
        end = at + 1
        if heading is not None:
            size = len(heading[1])
            yield f"<h{size}>{_inline(heading[2])}</h{size}>"
        elif picture is not None:
            yield _picture(picture[1], pictures.get(picture[2]))
        elif line.startswith("| "):
            end = _while(lines, at, lambda one: one.startswith("| "))
            yield _table(lines[at:end])
        elif _ITEM.fullmatch(line):
            end = _while(lines, at, lambda one: one.startswith("  ") or _ITEM.fullmatch(one) is not None)
            yield _list(lines[at:end])
        elif line.strip():
            yield f"<p>{_inline(line)}</p>"
        at = end


def _while(lines: Sequence[str], at: int, belongs: Callable[[str], bool]) -> int:

    while at < len(lines) and belongs(lines[at]):
        at += 1
    return at


def _picture(words: str, svg: bytes | None) -> str:
    if svg is None:
        return f"<p>{_inline(words)}</p>"
    return f'<p><img alt="{_text(words)}" src="data:image/svg+xml;base64,{b64encode(svg).decode()}"></p>'


def _table(lines: Sequence[str]) -> str:
    rows = [[one.strip() for one in _CELL.split(line)[1:-1]] for line in lines]
    head = "".join(f'<th scope="col">{_inline(one)}</th>' for one in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_inline(one)}</td>" for one in row) + "</tr>\n" for row in rows[2:])
    return f'<table tabindex="0">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>'


def _list(lines: Sequence[str]) -> str:
    """A list of two levels at most. An item's further lines belong to it."""
    items: list[tuple[int, str]] = []
    for line in lines:
        item = _ITEM.fullmatch(line)
        if item is not None:
            items.append((1 if item[1] else 0, item[2]))
        else:
            depth, text = items[-1]
            items[-1] = (depth, f"{text} {line.strip()}")
    kind = "ul" if lines[0].lstrip().startswith("-") else "ol"
    out, now = [f"<{kind}>"], 0
    for number, (depth, text) in enumerate(items):
        if number:
            out.append("<ul>" if depth > now else "</li></ul></li>" if depth < now else "</li>")
        out.append(f"<li>{_inline(text)}")
        now = depth
    out.append("</li></ul></li>" if now else "</li>")
    return "\n".join([*out, f"</{kind}>"])


def _inline(text: str) -> str:
    out: list[str] = []
    at, bold = 0, False
    for found in _INLINE.finditer(text):
        out.append(escape(text[at : found.start()]))
        if found["plain"]:
            out.append(escape(found["plain"]))
        elif found["code"] is not None:
            out.append(f"<code>{_text(found['code'])}</code>")
        elif found["text"] is not None:
            out.append(_inline(found["text"]))
        else:
            out.append("</strong>" if bold else "<strong>")
            bold = not bold
        at = found.end()
    return "".join([*out, escape(text[at:]), "</strong>" if bold else ""])


def _text(markdown: str) -> str:
    """Markdown as plain text, escaped for an element or an attribute."""
    return escape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))
