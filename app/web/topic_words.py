"""The mails that somebody may have less of, in words."""

from __future__ import annotations

from app.accounts.mail_choices import Choice, Topic

# What a topic is called, and what comes with it.
TOPICS = {
    Topic.NOTICES: (
        "What happened in your organisation",
        "Who accepted, whose invitation expired, which lists came in, and who found no free seat. Requests to join always come.",
    ),
    Topic.COURSES: ("Your courses", "Mails to say that you have a seat or a certificate. Both show under My learning too."),
    Topic.REMINDERS: ("Reminders of an invitation", "When you have not accepted yet. The invitation itself always comes."),
}
CHOICES = {Choice.AT_ONCE: "At once", Choice.DAILY: "Once a day, in one mail", Choice.NEVER: "Never"}
