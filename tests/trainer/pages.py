"""A page as its elements and texts, and what holds for every page."""

import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    """Every tag with its attributes, and every text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        """All of it, with one space for each run of whitespace."""
        return " ".join(" ".join(self.texts).split())

    @property
    def charts(self):
        return [attributes for tag, attributes in self.tags if tag == "svg"]


def assert_sound(page):
    """It refers to nothing outside, holds no script, repeats no id, and is made for telephones and dark mode."""
    elements = Elements(page)
    for tag, attributes in elements.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "xlink:href", "src"):
            assert attributes.get(name, "#").startswith("#")
    assert [tag for tag, _ in elements.tags].count("main") == 1
    for attributes in (found for _, found in elements.tags if found.get("class") == "wide"):
        assert attributes["tabindex"] == "0"  # what scrolls must be reached by keys
        assert attributes["aria-label"]
    styles = "".join(re.findall(r"<style>.*?</style>", page, flags=re.DOTALL))
    assert not re.search(r"https?:|@import|url\((?!#)", styles)
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert "default-src 'none'" in page
    assert 'name="viewport" content="width=device-width' in page
    assert "prefers-color-scheme: dark" in page
    assert "#010203" not in "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    return elements
