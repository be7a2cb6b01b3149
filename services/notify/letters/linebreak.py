"""Where a line of Thai may break.

Thai has no spaces between words, and the typesetter's own breaker splits "น|วัตกรรม". The text is cut into
words by PyThaiNLP's newmm with a glossary; glossary words, phrases such as a date, and words with the marks
that belong to them become *kept* runs, which the templates set in a box. Everything else is left to the
typesetter, because a box around every word would leave it nothing to justify with.
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

# PyThaiNLP's words come with the package; without this it makes a folder in the home directory when it is
# imported, and in a container there is none that can be written
os.environ.setdefault("PYTHAINLP_READ_ONLY", "1")

Run = tuple[str, bool]
"""Some text, and whether it must stay on one line."""

GENERAL_GLOSSARY = Path(__file__).with_name("glossary.txt")

COMPOUND = 14
"""Characters from which a word of the dictionary is taken for a compound."""

_DIGIT = "[0-9๐-๙]"
_MONTH = "มกราคม|กุมภาพันธ์|มีนาคม|เมษายน|พฤษภาคม|มิถุนายน|กรกฎาคม|สิงหาคม|กันยายน|ตุลาคม|พฤศจิกายน|ธันวาคม"
_PHRASES = re.compile(
    "|".join(
        (
            rf"^{_DIGIT}{{1,2}}\. ",  # an item's number, with a space that does not stretch
            rf"(?:เวลา )?{_DIGIT}{{1,2}}\.{_DIGIT}{{2}}(?: - {_DIGIT}{{1,2}}\.{_DIGIT}{{2}})? น\.",
            rf"(?:วัน[ก-๙]{{2,8}}ที่ |ลงวันที่ |วันที่ )?{_DIGIT}{{1,2}} (?:{_MONTH})(?: พ\.ศ\.)? {_DIGIT}{{4}}",
            rf"ที่ [ก-ฮ]{{1,4}}\.? ?{_DIGIT}{{4}}(?:\.{_DIGIT}+)?/(?:ว )?{_DIGIT}+",
            rf"จำนวน {_DIGIT}+ (?:ฉบับ|รางวัล|ผลงาน|ชุด|แผ่น)",
            rf"{_DIGIT}+ (?:ผลงาน|รางวัล|หน่วยงาน|จังหวัด|วัน|ฉบับ|คะแนน|เสียง)",
            rf"ตาม(?:หลักเกณฑ์)?ข้อ {_DIGIT}+",
            r"\([^()\s]{1,24}(?: [^()\s]{1,16}){0,2}\)",
            r"[A-Za-z0-9][A-Za-z0-9./:@_%?=&#-]{0,46}[A-Za-z0-9]",
        )
    )
)
_OPENING = "“(‘["
_CLOSING = "”)’]ๆฯ.,!?:;"


@lru_cache(maxsize=16)
def _words_of(paths: tuple[Path, ...]) -> frozenset[str]:
    lines = (line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


@lru_cache(maxsize=4)
def _dictionary(words: frozenset[str]) -> Any:
    from pythainlp.corpus import thai_words
    from pythainlp.util import Trie

    # A long compound that is not a glossary word is cut into its parts, among which are glossary words.
    return Trie({word for word in thai_words() if len(word) < COMPOUND} | words)


class LineBreaker:
    """Cuts text into runs with the general glossary and the contest's."""

    def __init__(self, glossaries: Iterable[Path] = ()) -> None:
        self.glossary = _words_of((GENERAL_GLOSSARY, *(path for path in glossaries if path.is_file())))

    def words(self, text: str) -> list[str]:
        """The words of ``text``, spaces kept, in order; joined they are the text."""
        from pythainlp.tokenize import word_tokenize

        if not text:
            return []
        return list(word_tokenize(text, custom_dict=_dictionary(self.glossary), engine="newmm"))

    def runs(self, text: str) -> list[Run]:
        """``text`` as runs; joined they are the text."""
        return list(_merged(_joined(_abbreviated(self._pieces(text)))))

    def _pieces(self, text: str) -> Iterator[Run]:
        start = 0
        for phrase in _PHRASES.finditer(text):
            yield from ((word, word in self.glossary) for word in self.words(text[start : phrase.start()]))
            yield phrase.group(), True
            start = phrase.end()
        yield from ((word, word in self.glossary) for word in self.words(text[start:]))


def _abbreviated(pieces: Iterable[Run]) -> Iterator[Run]:
    """``โครงการ ฯ``: the mark of an abbreviation stays with its word, although a space stands between."""
    held: list[Run] = []
    for piece in pieces:
        held.append(piece)
        if len(held) > 2 and piece[0].startswith("ฯ") and held[1][0] == " ":
            held = [("".join(text for text, _ in held), True)]
        elif len(held) > 2:
            yield held.pop(0)
    yield from held


def _joined(pieces: Iterable[Run]) -> Iterator[Run]:
    """Opening marks join the word after them, closing marks and ๆ the word before."""
    held: Run | None = None
    for text, kept in pieces:
        if held is None:
            held = (text, kept)
        elif (held[0][-1] in _OPENING and not text.isspace()) or (
            text[0] in _CLOSING and not held[0].isspace()
        ):
            held = (held[0] + text, True)
        else:
            yield held
            held = (text, kept)
    if held is not None:
        yield held


def _merged(pieces: Iterable[Run]) -> Iterator[Run]:
    """Neighbours that may be broken freely become one run: fewer boxes, one shaping."""
    free = ""
    for text, kept in pieces:
        if not kept:
            free += text
            continue
        if free:
            yield free, False
            free = ""
        yield text, True
    if free:
        yield free, False
