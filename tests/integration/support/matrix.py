"""The matrix of statements and privilege lists: what it means, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Matrix:
    """For each statement and list, in how many places it was allowed and in how many refused."""

    server: str
    lists: list[str]
    cells: dict[str, dict[str, list[bool]]] = field(default_factory=dict)

    def note(self, row: str, listed: str, allowed: bool) -> None:
        """One statement in one place."""
        self.cells.setdefault(row, {}).setdefault(listed, []).append(allowed)

    def table(self) -> str:
        """The matrix as a table; a number of places where it depends on the place."""
        width = max(map(len, self.cells), default=0)
        names = [f"{number:3} {name}" for number, name in enumerate(self.lists, 1)]
        numbers = " ".join(f"{number:>4}" for number in range(1, len(self.lists) + 1))
        rows = [
            f"{row:{width}} " + " ".join(f"{_cell(cells.get(name, [])):>4}" for name in self.lists)
            for row, cells in self.cells.items()
        ]
        return "\n".join([*names, f"{self.server:{width}} {numbers}", *rows])


def _cell(allowed: list[bool]) -> str:
    if all(allowed):
        return "yes"
    return f"{sum(allowed)}/{len(allowed)}" if any(allowed) else "-"


def meets(words: set[str], needs: tuple[str, ...]) -> bool:
    """Whether a list has what a statement needs: each of `needs`, where A|B is either."""
    return all(words & set(need.split("|")) for need in needs)
