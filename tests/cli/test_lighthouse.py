"""`lighthouse`: a measurement is read as it is, and whoever lacks the tools is told which."""

from __future__ import annotations

import sys

import pytest

from app import cli
from app.cli import browsers, lighthouse

TOOL = """#!/usr/bin/env python3
import json, os, pathlib, sys
place = pathlib.Path(__file__).with_name("score")
scores = place.read_text().split()
place.write_text(" ".join(scores[1:] or scores))
names = ["performance", "accessibility", "best-practices", "seo"]
score = float(scores[0])
categories = {name: {"score": score if name == "performance" else 1, "auditRefs": []} for name in names}
print(json.dumps({"categories": categories, "audits": {}}))
"""


@pytest.fixture
def measured(tmp_path, monkeypatch, capsys):
    """Give a way to run the command with a tool that finds these scores for performance, one after the other."""

    def run(*scores):
        tool = tmp_path / "tool.py"
        tool.write_text(TOOL)
        (tmp_path / "score").write_text(" ".join(map(str, scores)))
        monkeypatch.setattr(lighthouse.shutil, "which", lambda _: "/usr/bin/env")
        monkeypatch.setattr(browsers, "find", lambda: "/usr/bin/chromium")
        monkeypatch.setattr(lighthouse, "_installed", lambda _: tool)
        monkeypatch.setattr(lighthouse, "_command", lambda _node, script: [sys.executable, str(script)])
        monkeypatch.setattr(lighthouse, "_a_course", lambda _: "fire")
        status = cli.run(["lighthouse", "--url", "http://127.0.0.1:1"])
        return status, capsys.readouterr().out

    return run


def test_a_shop_that_reaches_the_figures_is_good(measured):
    status, said = measured(0.98)
    assert status == 0
    assert "/courses/fire" in said


def test_one_figure_below_is_not(measured):
    status, said = measured(0.97)
    assert status == 1
    assert "97" in said


def test_a_page_may_have_a_bad_moment(measured):
    assert measured(0.5, 0.99)[0] == 0


def test_without_node_it_says_what_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(lighthouse.shutil, "which", lambda _: None)
    assert cli.run(["lighthouse"]) == 1
    assert "needs node, npm and a browser" in capsys.readouterr().err
