"""A small drawing for an entry without photographs: its category's motif, varied by its id."""

from dataclasses import dataclass
from hashlib import sha256

_PALETTES = (
    ("#dceee4", "#7dc3a0", "#3f9e77", "#f4c95d"),
    ("#e3e9f8", "#93a9dd", "#4f74c3", "#e9a21b"),
    ("#fbe9da", "#e99a68", "#c9622c", "#f4c95d"),
    ("#efe6f6", "#b394cf", "#7a55a3", "#f0b23c"),
    ("#e2f1f5", "#86bfd0", "#347f99", "#f4c95d"),
    ("#f7efd5", "#d8b95a", "#9a7a17", "#1f4896"),
    ("#f9e4e6", "#dd93a0", "#b0485c", "#f0b23c"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What ``public/picture.html`` draws, 320 by 180."""

    paper: str
    light: str
    strong: str
    sun: str
    sun_at: int
    wave: int
    houses: tuple[tuple[int, int, str], ...]
    """Left edge, height and colour of each."""


def picture(entry_id: str, place: int) -> Picture:
    """The drawing of an entry, always the same; ``place`` is its category's place in the rulebook."""
    seed = sha256(entry_id.encode()).digest()
    paper, light, strong, sun = _PALETTES[place % len(_PALETTES)]
    houses = tuple(
        (22 + 47 * index, 38 + seed[index] % 62, strong if (index + seed[8]) % 2 else light)
        for index in range(6)
    )
    return Picture(paper, light, strong, sun, 30 + seed[7] % 240, 132 + seed[9] % 22, houses)
