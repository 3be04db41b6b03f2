"""What waits for a person's next step: once, for a time, and not without end."""

from __future__ import annotations

from geo.accounts import Pending


def test_a_value_is_taken_once_and_only_by_its_secret() -> None:
    waiting: Pending[str] = Pending(lasts_s=10, most=5)
    key = waiting.put("a")
    assert waiting.find(key) == "a"
    assert waiting.take(key + "x") is None
    assert waiting.take(key) == "a"
    assert waiting.take(key) is None
    assert waiting.find(key) is None


def test_a_value_is_over_after_its_time() -> None:
    now = [100.0]
    waiting: Pending[str] = Pending(lasts_s=10, most=5, clock=lambda: now[0])
    key, other = waiting.put("a"), waiting.put("b")
    now[0] = 109.9
    assert waiting.find(key) == "a"
    now[0] = 110.0
    assert waiting.find(key) is None
    assert waiting.take(other) is None


def test_the_oldest_is_forgotten_and_a_secret_stands_for_one() -> None:
    waiting: Pending[int] = Pending(lasts_s=10, most=2)
    keys = [waiting.put(number) for number in range(3)]
    assert [waiting.find(key) for key in keys] == [None, 1, 2]
    waiting.put_as(keys[1], 7)
    assert (waiting.find(keys[1]), waiting.find(keys[2])) == (7, 2)
