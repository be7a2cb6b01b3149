"""The texts of a contest: ``contests/<slug>/letters`` and ``contests/<slug>/notices``. Data, not code."""

import hashlib
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from services.notify.domain.letters import Addressee
from services.notify.domain.notices import Rule
from services.notify.domain.recipients import addressees_of
from services.notify.letter_texts import CertificateTemplate, LetterTemplate, Paper, Posts, Signer, TextFile
from services.notify.notice_files import NoticeText, notice_texts, rules_in
from shared.contracts.event import LocalizedText
from shared.contracts.notify import LetterKind
from shared.errors import Invalid, NotFound
from shared.thai.agencies import expand

T = TypeVar("T", bound=BaseModel)
CONTESTS = Path(__file__).resolve().parents[2] / "contests"
_NO_LETTERS = frozenset({"profiles", "papers", "posts"})
"""Files beside the letters that are none."""


class Series(TextFile):
    format: str
    first: dict[int, int] = Field(default_factory=dict)
    """Year (C.E.) → the number that the book starts with, where another book was in use before."""


class Profile(TextFile):
    """A letterhead, with the agency's own ways."""

    layout: Literal["agency_logo", "garuda"]
    name: str
    name_en: str = ""
    sender: tuple[str, ...]
    email: str
    unit: str
    owner: tuple[str, ...]
    code: str
    date_axis_mm: float = 80
    emblem: str = ""
    emblem_sha256: str = ""
    emblem_alt: str = ""
    home: bool = False
    """The contest's own agency; letters of another one are issued here only when it is enrolled."""
    number_at: Literal["registry", "signing"]
    """``registry``: the central registry numbers the signed letter; ``signing``: the signature does."""
    circulars: Literal["own", "ordinary"]
    """``own``: circulars have a series of their own; ``ordinary``: ว on the number of the ordinary one."""
    signer: Signer
    series: dict[str, Series]

    @model_validator(mode="after")
    def _ordinary_series(self) -> "Profile":
        if LetterKind.EXTERNAL.value not in self.series:
            raise ValueError("series: external is missing")
        return self

    @property
    def called(self) -> LocalizedText:
        """The agency's name, for pages in either language."""
        return LocalizedText(th=self.name, en=self.name_en)

    def complete(self) -> bool:
        """Whether letters may leave without the draft mark."""
        return bool(self.emblem and self.signer.authorised_by)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"อ่านไฟล์ {path.name} ไม่ได้: {error}", f"{path.name} cannot be read: {error}") from error


def _parsed(kind: type[T], path: Path, content: object) -> T:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Invalid(
            f"ไฟล์ {path.name} ผิดที่ {where}: {first['msg']}", f"{path.name}, {where}: {first['msg']}"
        ) from error


def read_text_file(kind: type[T], path: Path) -> T:
    """A file of a contest as ``kind``. Raises Invalid that names the file and the place."""
    return _parsed(kind, path, _read(path))


class ContestFiles:
    """The texts of one contest. A rehearsal under another name uses those of the contest it rehearses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.letters = folder / "letters"
        self.notices = folder / "notices"

    @property
    def glossary(self) -> Path:
        return self.letters / "glossary.txt"

    def profile(self, name: str) -> Profile:
        """The letterhead ``name``. Raises NotFound where there is none."""
        path = self.letters / "profiles.toml"
        profiles = _read(path)
        if name not in profiles:
            raise NotFound(f"ไม่มีหัวหนังสือ {name}", f"There is no letterhead {name}.")
        return _parsed(Profile, path, profiles[name])

    def profile_names(self) -> tuple[str, ...]:
        """The letterheads that there are."""
        return tuple(_read(self.letters / "profiles.toml"))

    def agency_names(self) -> dict[str, LocalizedText]:
        """The agencies that have a letterhead: what addresses call them → what people call them."""
        return {name: self.profile(name).called for name in self.profile_names()}

    def emblem(self, profile: Profile) -> bytes:
        """The emblem's file, checked; empty where none is set."""
        if not profile.emblem:
            return b""
        content = (self.letters / Path(profile.emblem).name).read_bytes()
        if hashlib.sha256(content).hexdigest() != profile.emblem_sha256:
            raise Invalid(
                f"ไฟล์ตรา {profile.emblem} ไม่ตรงกับค่าที่ลงทะเบียนไว้",
                f"The emblem {profile.emblem} is not the registered file.",
            )
        return content

    def template_names(self) -> tuple[str, ...]:
        """The letters that can be composed."""
        return tuple(
            sorted(
                path.stem
                for path in self.letters.glob("*.toml")
                if path.stem not in _NO_LETTERS and not path.stem.startswith("certificate")
            )
        )

    def template(self, name: str) -> LetterTemplate:
        """The letter ``name``. Raises NotFound where there is none."""
        if name not in self.template_names():
            raise NotFound(f"ไม่มีแบบหนังสือ {name}", f"There is no letter template {name}.", field="template")
        path = self.letters / f"{name}.toml"
        return _parsed(LetterTemplate, path, _read(path))

    def certificate(self, name: str = "certificate") -> CertificateTemplate:
        """The certificate of an award, or another kind such as ``certificate-finalist``."""
        path = self.letters / f"{name}.toml"
        return _parsed(CertificateTemplate, path, _read(path))

    def papers(self) -> dict[str, Paper]:
        """The working papers: score sheets, attendance sheets, labels, plaques, receipts."""
        path = self.letters / "papers.toml"
        if not path.is_file():
            return {}
        return {name: _parsed(Paper, path, content) for name, content in _read(path).items()}

    def post_of(self, agency: str) -> str:
        """The post that heads an agency: letters go to a post, never to a person."""
        full = expand(agency.strip())
        for row in self._posts().post:
            if full.startswith(row.prefix):
                return row.post.replace("{rest}", full.removeprefix(row.prefix))
        return f"หัวหน้าหน่วยงาน {full}"

    @property
    def judge_post(self) -> str:
        """How a judge is addressed who gave no post."""
        return self._posts().judge

    def _posts(self) -> Posts:
        path = self.letters / "posts.toml"
        return read_text_file(Posts, path) if path.is_file() else Posts()

    def recipients(self, template: LetterTemplate) -> tuple[Addressee, ...]:
        """The addressees that the template's list names."""
        if not template.recipients:
            return ()
        text = (self.letters / Path(template.recipients).name).read_text(encoding="utf-8")
        return addressees_from_csv(text)

    def rules(self) -> tuple[Rule, ...]:
        """The table of notices."""
        return rules_in(self.notices / "notices.toml")

    def notice(self, template: str, language: str) -> NoticeText:
        """The words of a notice in ``language``, Thai where English is missing."""
        texts = notice_texts(self.notices / f"{template}.toml")
        return texts.get(language) or texts["th"]


def addressees_from_csv(text: str) -> tuple[Addressee, ...]:
    """Addressees from CSV with the columns ``code, place, post, email`` (and ``place_en``).

    Raises:
        Invalid: names every faulty line.
    """
    return addressees_of(text)


def _folders() -> Iterable[Path]:
    return (path for path in sorted(CONTESTS.iterdir(), reverse=True) if (path / "letters").is_dir())


@lru_cache(maxsize=32)
def contest_files(contest_id: str) -> ContestFiles:
    """The texts of a contest: of its own folder, of the contest whose name its own begins with (a rehearsal),
    else of the newest contest, whose letters the next one starts from.

    Raises:
        NotFound: no contest has texts.
    """
    folders = list(_folders())
    for folder in folders:
        if contest_id == folder.name or contest_id.startswith(f"{folder.name}-"):
            return ContestFiles(folder)
    if not folders:
        raise NotFound("ไม่มีข้อความหนังสือใน contests/", "There are no letter texts under contests/.")
    return ContestFiles(folders[0])
