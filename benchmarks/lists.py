"""Twenty thousand people in one list: time and memory from the file to the last invitation.

`python -m benchmarks.lists` for all four ways, `python -m benchmarks.lists sqlite csv` for one of them.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from app import arrivals
from app.accounts import people_imports
from app.kernel import sheets
from app.kernel.transaction import transaction
from benchmarks import shop
from billing import seats
from tests.people_making import name_of

FORMS = ("csv", "xlsx")
PEOPLE = 20_000
MOST_SECONDS = 20.0
MOST_MEGABYTES = 250


def main(kind: str, form: str) -> int:
    """Bring a list in on one database, from a file of one form, and give 1 when it costs more than we claim."""
    head = ("Team", "Full name", "Notes", "E-mail address")
    rows = (("", name_of(n), "a few words about them", f"crowd{n}@example.org") for n in range(PEOPLE))
    content = sheets.as_xlsx(head, rows, "People") if form == "xlsx" else sheets.as_csv(head, rows)
    with shop.shop(kind):
        owner = shop.organisation(PEOPLE)
        with shop.measured() as spent:
            with transaction():
                sent = arrivals.send(owner, content, file_name=f"people.{form}").id
            arrivals.read(sent)
            with transaction():
                arrivals.want(owner, sent)
            arrivals.bring_in(sent, days=14)
        whole = people_imports.counts(sent)["new"] == PEOPLE == seats.count(owner.organisation.id).held
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{kind:<11}{form:<5}{PEOPLE:,} people  {spent.wall:.1f} s  {spent.cpu:.1f} s of CPU  {megabytes} MB at most")
    return int(not whole or spent.wall > MOST_SECONDS or megabytes > MOST_MEGABYTES)


def every() -> int:
    """Bring one in on each database from each form, each in a process of its own, as memory is counted for a whole process."""
    ways = [(kind, form) for kind in shop.DATABASES for form in FORMS]
    again = [sys.executable, "-m", "benchmarks.lists"]
    return max(subprocess.run([*again, *way], check=False).returncode for way in ways)  # noqa: S603 - our own


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]) if sys.argv[1:] else every())
