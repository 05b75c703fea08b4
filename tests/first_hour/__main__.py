"""The README's own commands, on a bare Debian 12: from a clone to one's own figures and a mail that is true.

``make first-hour`` reads the commands from the README, has ``.ci/oldest`` run them as somebody new, plays the
exchange and the mail server outside, and says how many minutes it took. Where no bare root can be, it says.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Final

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from shared.process.ports import free_port
from tests.first_hour.exchange import STUCK, Call, lines, month, spell

ROOT: Final = Path(__file__).resolve().parents[2]
HEADING: Final = "## Your own desk, in five commands"
MOST: Final = 5
PAGE: Final = "http://127.0.0.1:8000/figures.json"
WITHIN: Final = 15 * 60
"""Seconds for all of it, on a slow machine."""
MAIL_WITHIN: Final = 5 * 60
"""Seconds from the first caller whom nobody answers to the mail about it: the rule needs eight of them."""
MOST_LATEST: Final = 60
"""Contacts that a message may count, looking back."""
SKIPPED: Final = 77
"""How ``.ci/oldest`` ends where it can show nothing."""
EVERY: Final = 0.5


class StoryError(Exception):
    """It did not go as the README says."""


@dataclass
class Mailbox:
    """A mail server that takes everything."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def commands(readme: str) -> list[str]:
    """Return the commands of one's own desk, as they stand there."""
    block = readme.partition(HEADING)[2].partition("```console\n")[2].partition("```")[0]
    found = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    if not 0 < len(found) <= MOST:
        raise StoryError(f"{HEADING}: {len(found)} commands")
    return found


def script(story: Sequence[str], smtp: int) -> str:
    """Return the commands for a shell, with where we are and our mail server filled in.

    The last one runs until it is told to stop.
    """
    *first, last = (
        line.replace("REPOSITORY", "/srv/wachtpost").replace("mail.example.org", f"127.0.0.1:{smtp}")
        for line in story
    )
    return "\n".join(
        [
            "set -e",
            "mkdir ~/elsewhere && cd ~/elsewhere",
            *(f"echo {shlex.quote('$ ' + line)}\n{line}" for line in first),
            f"echo {shlex.quote('$ ' + last)}",
            f"{last} & up=$!",
            "until [ -e /var/log/asterisk/over ]; do kill -0 $up; sleep 1; done",
            "kill $up; wait $up",
        ]
    )


@contextmanager
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    """Run a mail server on a port of its own."""
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, mailbox
    finally:
        controller.stop()


def main() -> int:
    """Tell the story; return the exit status."""
    story = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder, mail_server() as (port, mailbox):
        logs = Path(folder)
        logs.chmod(0o755)
        past = month(int(time.time()))
        write(logs / "queue_log", "w", (line for _, line in lines(past)))
        running = subprocess.Popen(
            [".ci/oldest", "sh", "-c", script(story, port)],
            cwd=ROOT,
            env={**os.environ, "LOGS": folder},
            start_new_session=True,
        )
        try:
            tell(running, logs, past, mailbox)
        except StoryError as error:
            if running.poll() != SKIPPED:
                print(f"the first hour failed: {error}", file=sys.stderr)
                return 1
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGTERM)
        status = running.wait(60)
        return 0 if status == SKIPPED else status


def tell(running: subprocess.Popen[bytes], logs: Path, past: Sequence[Call], mailbox: Mailbox) -> None:
    """Wait for one's own figures, have a bad spell, wait for the mail about it, and have it end in order."""
    began = time.monotonic()
    wait_for(lambda: own_figures(past), running, WITHIN)
    print(
        f"own figures on the page after {minutes(began)}, with the time to make the bare Debian", flush=True
    )
    bad = spell(int(time.time()) + 2)
    fell = time.monotonic()
    Thread(target=play, args=(logs / "queue_log", bad), daemon=True).start()
    wait_for(lambda: mailbox.mails, running, MAIL_WITHIN)
    print(f"a mail {time.monotonic() - fell:.0f} s after the first caller whom nobody answered:", flush=True)
    check_mail(mailbox.mails[0], past, bad)
    (logs / "over").touch()
    running.wait(120)
    print(f"all of it took {minutes(began)}", flush=True)


def minutes(since: float) -> str:
    """Return how long it has been."""
    return f"{(time.monotonic() - since) / 60:.1f} min"


def wait_for(condition: Any, running: subprocess.Popen[bytes], within: float) -> Any:
    """Return what a condition says once that is true. Raises ``StoryError`` when it does not become so."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if found := condition():
            return found
        if running.poll() is not None:
            raise StoryError(f"it ended with status {running.returncode}")
        time.sleep(EVERY)
    raise StoryError(f"nothing came within {within:g} s")


def missed_of(page: Any) -> tuple[int, int]:
    """Return of how many calls of the last hour the site missed how many, as a page says."""
    total = page["sites"][0]["tables"][0]["rows"][-1]
    (figure,) = [one for one in total["figures"] if (one["kpi"], one["window"]) == ("missed_ratio", "1h")]
    found = re.match(r"(\d+) of (\d+)", figure["beside"])
    return (0, 0) if found is None else (int(found[1]), int(found[2]))


def own_figures(past: Sequence[Call]) -> bool:
    """Whether the page shows the last hour as the log has it; the hour ends within the last ten seconds."""
    with suppress(httpx.HTTPError):
        page = httpx.get(PAGE, trust_env=False, timeout=10).json()
        since = datetime.fromisoformat(page["as_of"]).timestamp() - 3600 if page["as_of"] else 0
        hours = ([call for call in past if call.ended >= since + later] for later in range(11))
        return missed_of(page) in [(sum(not call.answered for call in hour), len(hour)) for hour in hours]
    return False


def play(log: Path, calls: Sequence[Call]) -> None:
    """Write the lines of calls when they happen."""
    for at, line in lines(list(calls)):
        time.sleep(max(0.0, at - time.time()))
        write(log, "a", [line])


def write(log: Path, how: str, text: Iterable[str]) -> None:
    """Write lines to the log."""
    with log.open(how, encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in text)


def check_mail(mail: EmailMessage, past: Sequence[Call], bad: Sequence[Call]) -> None:
    """A mail is to whom the README says, of the queue that is stuck, and its counts are those of the log."""
    text = mail.get_body(("plain",))
    body = "" if text is None else text.get_content()
    print(f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{body}", flush=True)
    if mail["To"] != "desk@example.org" or STUCK not in body.lower():
        raise StoryError("it is not about what happens")
    if "/acknowledge?token=" not in body:
        raise StoryError("there is no link to take it on")
    said = {(int(missed), int(of)) for missed, of in re.findall(r"(\d+) of the last (\d+)", body)}
    if not said or not said <= set(counts(past, bad)):
        raise StoryError(f"{said}: no moment of the spell had these counts")


def counts(past: Sequence[Call], bad: Sequence[Call]) -> Iterator[tuple[int, int]]:
    """Yield how many of the latest calls were missed, of the queue or of all, at each moment of the spell."""
    for before in (past, [call for call in past if call.queue == STUCK]):
        ended = sorted(before, key=lambda call: call.ended)
        for happened in range(1, len(bad) + 1):
            latest = [not call.answered for call in [*ended, *bad[:happened]]][-MOST_LATEST:]
            yield from ((sum(latest[-of:]), of) for of in range(1, MOST_LATEST + 1))


if __name__ == "__main__":
    sys.exit(main())
