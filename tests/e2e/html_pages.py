"""A report's page as a browser, a screen reader and an auditor's mail filter take it."""

import re
from html.parser import HTMLParser

VOID = {"meta"}
OF_OTHERS = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "svg", "video", "audio"}
LOADS = {"src", "srcset", "action", "data", "poster", "background", "style"}


class Page(HTMLParser):
    """.tags [(name, attributes)] in their order; .text of all; fails at once where a tag is not closed by its own."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.style = [], [], "", ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            self.style += data
        else:
            self.text += data

    def named(self, *names):
        return [attributes for name, attributes in self.tags if name in names]


def luminance(colour):
    """WCAG's, of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes(style):
    """The colours of each :root, by their names: the light ones, then the dark."""
    return [dict(re.findall(r"--([a-z]+):(#[0-9a-f]+)", block)) for block in re.findall(r":root\{([^}]*)\}", style)]


def check_alone(page):
    """It loads nothing, runs nothing, and would not if somebody's text were markup."""
    assert not OF_OTHERS & {name for name, _ in page.tags}
    for _, attributes in page.tags:
        assert not LOADS & set(attributes) and not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in page.style and "@import" not in page.style
    policy = [meta["content"] for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(policy) == 1 and policy[0].startswith("default-src 'none'; ")


def check_accessible(page):
    """A language, a title, one h1, headings that skip no level, tables with a caption and headers, links that lead somewhere."""
    assert page.named("html") == [{"lang": "en"}] and len(page.named("title")) == len(page.named("main")) == 1
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert len(page.named("table")) == len(page.named("caption")) == len(page.named("thead"))
    assert all(header["scope"] in ("col", "row") for header in page.named("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"][1:] for attributes in page.named("a")]
    links += [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert links and set(links) <= set(ids)


def check_colours(page):
    """Every text is read on every ground that it stands on, in the light and in the dark."""
    both = palettes(page.style)
    assert len(both) == 2 and both[0].keys() == both[1].keys()
    for colours in both:
        for ground in ("page", "band"):
            for text in ("text", "quiet", "error", "warning", "note", "ok"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, colours)


def check(text):
    """All of that; returns the page."""
    page = Page(text)
    check_alone(page)
    check_accessible(page)
    check_colours(page)
    return page
