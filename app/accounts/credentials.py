"""Credentials: which passwords are good enough, and how they are kept so that nobody can read them back."""

from __future__ import annotations

from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.kernel import signs
from app.kernel.errors import Invalid

SHORTEST = 10
LONGEST = 128

# The commonest passwords that are long enough to be offered at all, in lower case.
_COMMONEST = """
0123456789 0987654321 1122334455 1111111111 0000000000 1234512345 12345678910 1234567890 123456789a 1234567891
12345678900 123123123123 123456123456 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 9876543210 987654321a
a123456789 aa12345678 abcd123456 abcdefghij abcdefghijk abc1234567 abc123456789 asdfghjkl1 asdfghjkl; assassin123
basketball birmingham changeme123 changeme1234 charlie123 christopher computer123 dragon12345 elizabeth1 facebook123
football12 football123 generation1 goldfish123 happybirthday iloveyou12 iloveyou123 iloveyou1234 jacksparrow
jesuschrist letmein123 letmein1234 liverpool1 liverpool12 liverpool123 manchester manchester1 manutd1234 michelle12
minecraft1 mypassword mypassword1 newpassword p@ssw0rd12 p@ssw0rd123 p@ssword123 passw0rd12 passw0rd123 password00
password01 password10 password11 password12 password1! password123 password123! password1234 password12345
password2024 password2025 password2026 password99 passwordpassword princess12 princess123 q1w2e3r4t5 q1w2e3r4t5y6
qazwsxedcr qazwsxedc123 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty qwertyuiop qwertyuiop1 qwertyuiop123
safeguarding safeguarding1 safeguarding123 spiderman1 starwars123 sunshine12 sunshine123 superman12 superman123
tottenham1 trustno1234 volleyball welcome123 welcome1234 welcome12345 yourpassword zaq12wsxcde zxcvbnm123 zxcvbnm1234
"""
COMMONEST = frozenset(_COMMONEST.split())

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# The hash of a password that nobody knows: an unknown address is checked against it, so that it takes as long as a known one.
_nobody = "$argon2id$v=19$m=19456,t=2,p=1$jGpOJPWueV75+BLeD1MuOw$6QAbTbd21lBWGvLiykFSOXQJgp0R7DRvFdeg8i01wlc"


def configure(cost: Literal["full", "cheap"]) -> None:
    """Choose what a hash costs: full for people, cheap for tests."""
    global _hasher, _nobody  # noqa: PLW0603 - one cost for the whole process, set before it serves
    full = cost == "full"
    _hasher = PasswordHasher(time_cost=2 if full else 1, memory_cost=19456 if full else 8, parallelism=1)
    _nobody = _hasher.hash("a password that is never compared with anything")


def check_choice(password: str, *, name: str, address: str) -> None:
    """Raise Invalid when somebody else could guess this password, or it is too short or too long."""
    chosen = _normal(password)
    if len(chosen) < SHORTEST:
        message = f"Choose a password of at least {SHORTEST} characters, such as three words that do not belong together."
        raise Invalid(message, field="password")
    if len(chosen) > LONGEST:
        message = f"Choose a password of at most {LONGEST} characters."
        raise Invalid(message, field="password")
    plain = _squeezed(chosen)
    if plain in {_squeezed(name), _squeezed(address), _squeezed(address.partition("@")[0])}:
        message = "Choose a password that is not your name or your e-mail address."
        raise Invalid(message, field="password")
    if plain in COMMONEST or len(set(plain)) == 1:
        message = "This is one of the passwords that are tried first. Choose another one."
        raise Invalid(message, field="password")


def choose(password: str, *, name: str, address: str) -> str:
    """Check a new password and give its hash, outside of any transaction; raises Invalid when it is not good enough."""
    check_choice(password, name=name, address=address)
    return hash_password(password)


def hash_password(plain: str) -> str:
    """Give the argon2id hash of a password; slow on purpose, so never inside a transaction."""
    return _hasher.hash(_normal(plain))


def verify(password_hash: str | None, plain: str) -> bool:
    """Whether this is the password; without a hash, or with an empty one, it takes as long and is never right."""
    try:
        _hasher.verify(password_hash or _nobody, _normal(plain))
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made at another cost than we use now."""
    return _hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    """Give the password in one Unicode form, so that it is the same from every keyboard."""
    return signs.composed(password, "NFKC")


def _squeezed(text: str) -> str:
    """Give a text without spaces and capitals, as someone who guesses would try it."""
    return "".join(text.casefold().split())
