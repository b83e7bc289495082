"""Notices do not pile up."""

from __future__ import annotations

from pathlib import Path

from textual.widgets._toast import Toast as ToastWidget
from textual.widgets._toast import ToastHolder

from bibliflow_tui.app import Dashboard
from bibliflow_tui.toasts import Toast, outdated
from tests.hostile import HOSTILE, assert_screen_is_clean
from tests.tui.running import dashboard
from tests.tui.waiting import wait_until


def shown(app: Dashboard) -> list[str]:
    return [str(widget.render()) for widget in app.screen.query(ToastWidget)]


async def test_the_later_takes_the_place_of_the_earlier(home: Path) -> None:
    async with dashboard() as (app, pilot):
        for number in range(5):
            app.toast(f"{number} copied")
        await wait_until(pilot, lambda: shown(app) == ["4 copied"])
        for number in range(5):
            app.toast(f"list {number}.csv is empty", "error")
            app.toast("The same again", "warning")
        await wait_until(
            pilot, lambda: shown(app)[-3:] == ["list 3.csv is empty", "list 4.csv is empty", "The same again"]
        )
        await wait_until(pilot, lambda: len(app.screen.query(ToastHolder)) == 3)
        for text in HOSTILE.values():
            app.toast(text, "error")
        await wait_until(pilot, lambda: len(app._notifications) == 3 == len(shown(app)))
        assert_screen_is_clean(app)


def test_news_goes_before_what_went_wrong() -> None:
    old = [
        Toast("one", severity="error", raised_at=1),
        Toast("two", severity="information", raised_at=2),
        Toast("three", severity="error", raised_at=3),
    ]
    assert outdated(old, Toast("four", severity="warning", raised_at=4)) == [old[1]]
    assert outdated([old[0], old[2]], Toast("four", severity="error", raised_at=4)) == []
    assert outdated(old, Toast("four", severity="information", raised_at=4)) == [old[1]]
    assert outdated(old, Toast("one", severity="error", raised_at=4)) == [old[0]]
    assert outdated(old, Toast("x", severity="error", kind="three", raised_at=4)) == [old[2]]
