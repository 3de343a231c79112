"""Who acts, and upon what, where events are looked at."""

from dataclasses import dataclass
from typing import Any

from holders import tags as tags_of
from house import House
from members import Member

CSV = {"Content-Type": "text/csv"}
AGENT = {"User-Agent": "acceptance/1.0"}


@dataclass
class Scene:
    """Two organisations, the operator, a line, and a number that was seen."""

    house: House
    investigator: Member
    employer: Member
    asker: Member
    """Whose key may ask privately."""
    operator: Member
    decoy: str
    hit: str
    seen: str
    number: str
    """Not seen, and in no list."""

    def ask(self, path: str, member: Member | None = None, **body: Any) -> Any:
        question = {"purpose": "company_number", "case_ref": "HR-7", **body}
        return (member or self.employer).post(path, question, headers=AGENT)

    @property
    def tag(self) -> bytes:
        """Of the number that was seen."""
        return tags_of(self.house.registry, self.seen)[0]

    def file(self, member: Member, target: str, content: str) -> Any:
        return member.post(target, content=content, headers={**CSV, **AGENT})

    def act(self, member: Member, method: str, path: str, body: object = None) -> Any:
        return member.client.request(method, path, json=body, headers={**member.headers, **AGENT})
