"""Resetting a forgotten password on the site."""

from __future__ import annotations

NAME, NEW = "Ruth Amadi", "other odd words"


def test_a_person_resets_their_password_and_signs_in_with_it(visitor, other, make_person, password, read_mail):
    make_person()
    other.sign_in(password)
    sent = visitor.send("/reset-password", address="ruth@example.org")
    assert (sent.status_code, sent.location) == (303, "/reset-password/sent")
    subject, path = read_mail("ruth@example.org")
    assert subject == "Choose a new password"
    assert visitor.page(path).find("input", {"name": "password"})["autocomplete"] == "new-password"
    done = visitor.send(path, password=NEW)
    assert (done.status_code, done.location) == (303, "/sign-in")
    assert "Your password is changed" in visitor.page("/sign-in").main.text
    assert not other.is_signed_in()
    assert read_mail("ruth@example.org")[0] == "Your password was changed"
    assert visitor.sign_in(password).status_code == 422
    assert visitor.sign_in(NEW).status_code == 303


def test_the_answer_is_the_same_for_a_known_and_an_unknown_address(visitor, other, make_person, read_mail):
    make_person()
    answers = []
    for browser, address in ((visitor, "ruth@example.org"), (other, "nobody@example.org")):
        sent = browser.send("/reset-password", address=address)
        page = browser.get(sent.location)
        answers.append((sent.status_code, sent.location, sent.data, page.status_code, page.data))
    assert answers[0] == answers[1]
    assert read_mail("nobody@example.org")[0] == "There is no account with this address"


def test_a_password_that_is_not_good_enough_comes_back_with_words(visitor, make_person, read_mail):
    make_person()
    visitor.send("/reset-password", address="ruth@example.org")
    _, path = read_mail("ruth@example.org")
    answer = visitor.send(path, password=NAME)
    assert answer.status_code == 422
    assert "not your name" in answer.text
    assert visitor.send(path, password=NEW).status_code == 303


def test_a_link_that_was_used_or_forged_says_what_to_do(visitor, make_person, read_mail):
    make_person()
    visitor.send("/reset-password", address="ruth@example.org")
    _, path = read_mail("ruth@example.org")
    visitor.send(path, password=NEW)
    for answer in (visitor.get(path), visitor.send(path, password=NEW[::-1]), visitor.send(path)):
        assert answer.status_code == 409
        assert "ask for another" in answer.text
    assert visitor.get("/reset-password/forged.link").status_code == 404


def test_what_is_no_address_comes_back(visitor):
    assert visitor.send("/reset-password", address="ruth").status_code == 422
