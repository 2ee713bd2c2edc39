"""``[[secrets.recipient]]`` of ``gateway.toml``: who is handed which secrets of every gateway, encrypted to whom."""

from __future__ import annotations

from pipeline.inputs.toml_table import Table
from pipeline.model.recipient import KNOWABLE, Recipient

_ROLE = r"[a-z][a-z0-9-]{0,31}"
# age's own recipients (X25519, and those of plugins and post-quantum keys), and SSH keys, which age takes too.
_AGE = r"age1[a-z0-9]{50,4000}|ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,2}( [ -~]*)?"


def read_recipients(table: Table) -> tuple[Recipient, ...]:
    """The recipients of a ``[secrets]`` table; what is wrong is noted with it."""
    found: list[Recipient] = []
    for entry in table.tables("recipient"):
        recipient = Recipient(
            role=entry.text("role", form=_ROLE, meaning="a role such as factory", shown=True),
            age=entry.texts("age", form=_AGE, meaning="an age recipient (age1…) or a public SSH key"),
            knows=entry.texts("knows", form="|".join(KNOWABLE), meaning=f"one of {', '.join(KNOWABLE)}"),
        )
        if not recipient.age:
            entry.wrong("age", "names nobody, so nobody could open the file", "give what age-keygen -y prints")
        if not recipient.knows:
            entry.wrong("knows", "nothing", f"name what the role is to know: {', '.join(KNOWABLE)}")
        if any(recipient.role == other.role for other in found):
            entry.wrong(
                "role",
                f"{recipient.role} is there twice",
                "give one role several recipients: each of them can open the file",
            )
        entry.close()
        found.append(recipient)
    return tuple(found)
