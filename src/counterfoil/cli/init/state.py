"""What was answered so far, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from counterfoil.bookkeeping.chart import Chart
from counterfoil.cli.init.given import Given
from counterfoil.cli.init.questions import Answer, Wrong
from counterfoil.config.addresses import ENVIRONMENTS, secret_at
from counterfoil.config.mistakes import Mistake
from counterfoil.config.surroundings import Surroundings
from counterfoil.systems.contract import SystemKind

__all__ = ["OPTION", "State"]

OPTION = "options."

_DEPEND = {
    "pleo": ("api_key", "company_id"),
    "api_key": ("company_id",),
    "system": ("name", "bridge.", OPTION, "currencies", "accounts."),
    "currencies": ("accounts.",),
}
"""The answers that fall with another one; a key with a dot at its end stands for all below it."""


@dataclass
class State:
    """The answers by key, in the order they were given; a person may take each back."""

    around: Surroundings
    given: Given
    answers: dict[str, Answer] = field(default_factory=dict)
    company: str | None = None
    """The company that Pleo says the key is for."""
    chart: Chart | None = None
    """What the books hold, once they were found ready."""
    all_options: bool = False
    """Whether an adapter's optional settings are asked, too."""
    typed: dict[str, str] = field(default_factory=dict)
    """What was typed last, to be suggested when a question comes again; secrets never."""

    def __contains__(self, key: str) -> bool:
        """Whether a question is answered."""
        return key in self.answers

    def take(self, key: str, answer: Answer) -> None:
        """Note an answer."""
        self.answers[key] = answer
        self.typed[key] = answer.text

    def back(self) -> None:
        """Forget the last answer."""
        if self.answers:
            self.forget(list(self.answers)[-1])

    def forget(self, key: str) -> None:
        """Forget an answer, also if it was given beforehand, and those that depend on it."""
        self.given.drop(key)
        for each in list(self.answers):
            if each == key or each.startswith(_DEPEND.get(key, "\n")):
                del self.answers[each]
        if key == "system" or key.startswith(OPTION):
            self.chart = None

    def forget_options(self) -> None:
        """Forget where the books are, so that it is asked again."""
        for key in [key for key in self.answers if key.startswith(OPTION)]:
            self.forget(key)

    @property
    def kind(self) -> SystemKind:
        """The accounting system that was chosen."""
        return self.around.systems[self.text("system")]

    @property
    def base_url(self) -> str:
        """Where Pleo answers."""
        return ENVIRONMENTS.get(self.text("pleo"), self.text("pleo"))

    @property
    def ca_file(self) -> Path | None:
        """The certificates of a private authority, where one was given."""
        return self.around.folder / self.text("ca_file") if "ca_file" in self else None

    @property
    def currencies(self) -> list[str]:
        """The currencies of the wallets."""
        return self.text("currencies").split(", ")

    def text(self, key: str) -> str:
        """Return an answer as it was typed."""
        return self.answers[key].text

    def options(self) -> dict[str, object]:
        """Return the options as the configuration file says them."""
        return {
            key.removeprefix(OPTION): answer.value
            for key, answer in self.answers.items()
            if key.startswith(OPTION) and answer.value is not None
        }

    def secret(self, answer: Answer) -> str:
        """Return a secret as typed, or from where it is; raises Wrong."""
        if answer.secret is not None:
            return answer.secret
        try:
            return secret_at(str(answer.value), self.around)
        except Mistake as mistake:
            raise Wrong(f"This cannot be used: {mistake}.") from mistake
