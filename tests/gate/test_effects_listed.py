"""Each effect of the product is in the page of effects, and the page has no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.gate.sources import effects_in

FAKES = {"sandbox", "testing"}
ROW = re.compile(r"^\| `(\w+\.\w+)` \|", re.MULTILINE)


def test_each_effect_is_listed_once_in_the_page_of_effects(root: Path) -> None:
    found = effects_in(root / "src" / "counterfoil")
    listed = ROW.findall((root / "docs" / "effects.md").read_text())
    product = {name for name, packages in found.items() if packages - FAKES}
    assert sorted(product - set(listed)) == []
    assert sorted(set(listed) - product) == []
    assert len(listed) == len(set(listed))


def test_a_name_that_is_put_together_is_read(tmp_path: Path) -> None:
    (tmp_path / "area.py").write_text(
        'def write(self, what): effect(f"area.{what}")\n'
        'def first(self): self.write("first"); self.write(what="second")\n'
        'def send(request): effect(request.name, "target")\n'
        'def third(name="x"): send(Request(name="area.third"))\n'
    )
    assert sorted(effects_in(tmp_path)) == ["area.first", "area.second", "area.third"]
