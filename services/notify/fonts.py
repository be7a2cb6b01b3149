"""The typefaces of official letters, and how they reach a machine: ``python -m services.notify.fonts``.

TH Sarabun New is the face that the records offices expect. It is GPL-2+ with the embedding exception and is
not in this repository: at set-up the four font files are taken out of a published wheel, whose other contents
are never installed, and every file is checked against the sums below. Without them letters are set in Sarabun
(OFL), which the composer says as a warning.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

WHEEL = "odoo-addon-l10n-th-base-utils==19.0.2.0.0"
WHEEL_SHA256 = "3fd5a9f84c339c1f9dc671002690d2d3cd4fa22fba88476cf818273205dd8746"
FONTS = {
    "THSarabunNew-Regular.ttf": "b248f824f3d7a8576bc396826a4d898070c1420564f6ce6aa716aa8ad24f824a",
    "THSarabunNew-Bold.ttf": "49596f298a8fe248c5340b4589b3b4adfcf34a3e24084ebeb4f49c6600f75fa7",
    "THSarabunNew-Italic.ttf": "341b9b5d13b696f74c6318d32bbae7ff183e6bdc07ef3ca1a6f9c5dd83c6494b",
    "THSarabunNew-BoldItalic.ttf": "64a69cbeca6d34dc754a7ab2106615c14fbd359d339ed0f65d2a7b17de14cdfa",
}
INSTALLED = Path(sys.prefix) / "share" / "showcase" / "fonts"
"""Inside the environment, so that a virtual environment and an image carry them alike."""


class FontsMissing(RuntimeError):
    """The font files could not be had; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class Typeface:
    """The face that letters are set in."""

    family: str
    folder: Path
    files: tuple[str, ...]
    scale: float
    """What one point of the regulation's TH Sarabun New is in this face."""
    official: bool

    @property
    def regular(self) -> Path:
        return self.folder / self.files[0]

    @property
    def bold(self) -> Path:
        return self.folder / self.files[1]


def official_fonts_in(folder: Path) -> bool:
    """Whether ``folder`` holds exactly the four files that are expected."""
    return all(
        (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in FONTS.items()
    )


@lru_cache(maxsize=1)
def typeface() -> Typeface:
    """The face of this installation: TH Sarabun New, or Sarabun where it was not installed."""
    if official_fonts_in(INSTALLED):
        return Typeface("TH Sarabun New", INSTALLED, tuple(FONTS), 1.0, official=True)
    import fontpkg_sarabun

    folder = Path(fontpkg_sarabun.__file__).parent / "files"
    names = ("Sarabun-Regular.ttf", "Sarabun-Bold.ttf", "Sarabun-Italic.ttf", "Sarabun-BoldItalic.ttf")
    return Typeface("Sarabun", folder, names, 0.74, official=False)


def _commands(requirement: Path, folder: Path) -> list[list[str]]:
    """Ways to get a wheel by its name and hash: pip downloads it, uv unpacks it into a folder of its own."""
    base = getattr(sys, "_base_executable", sys.executable)
    pip = ["-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-r", str(requirement)]
    ways = [[python, *pip, "-d", str(folder)] for python in dict.fromkeys((sys.executable, base))]
    uv = shutil.which("uv")
    if uv:
        ways.append(
            [
                *(uv, "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(requirement)),
                *("--python", sys.executable, "--target", str(folder)),
            ]
        )
    return ways


def _font_files(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if (name := member.rpartition("/")[2]) in FONTS:
                    found[name] = archive.read(member)
    for path in folder.rglob("THSarabunNew*.ttf"):
        found.setdefault(path.name, path.read_bytes())
    return found


def install(into: Path = INSTALLED) -> bool:
    """Put the four font files into ``into``; False where they were there already.

    Raises:
        FontsMissing: no way to get the wheel worked, or a file is not the one expected.
    """
    if official_fonts_in(into):
        return False
    tried: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        requirement = Path(scratch) / "requirement.txt"
        requirement.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        for number, command in enumerate(_commands(requirement, Path(scratch))):
            folder = Path(scratch) / str(number)
            command = [str(folder) if part == scratch else part for part in command]
            done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
            found = _font_files(folder) if done.returncode == 0 else {}
            if not found:
                tried.append(
                    f"{Path(command[0]).name}: {(done.stderr.strip() or 'no fonts').splitlines()[-1]}"
                )
                continue
            for name, sha256 in FONTS.items():
                if hashlib.sha256(found.get(name, b"")).hexdigest() != sha256:
                    raise FontsMissing(f"{name} is not the expected file; nothing was installed")
            into.mkdir(parents=True, exist_ok=True)
            for name in FONTS:
                (into / name).write_bytes(found[name])
            return True
    raise FontsMissing("; ".join(tried))


def main(arguments: Sequence[str] = ()) -> int:
    """Install the fonts; a machine that cannot reach a registry goes on with Sarabun and is told so."""
    into = Path(arguments[0]) if arguments else INSTALLED
    try:
        print(f"TH Sarabun New {'installed in' if install(into) else 'is in'} {into}")
    except FontsMissing as missing:
        print(
            f"TH Sarabun New could not be installed ({missing}); letters will be set in Sarabun",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
