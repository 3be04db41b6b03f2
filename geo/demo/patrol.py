"""The patrol units of the demo city's station, and a duty roster around today.

Everybody in it is obviously invented (示例·甲子). Which shifts a unit has on a day follows from the
unit and the day alone, so that the roster of a later start goes on where the last one ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from geo.demo.names import numeral
from geo.tables import Account, Area, Grid, PatrolUnit, PatrolUnitMember, StoreNote
from geo.units.units import add_member, create_unit
from geo.values import GridScope, LonLat, Period

DAYS_BACK, DAYS_AHEAD = 7, 14  # of the roster, around today
ZONE = ZoneInfo("Asia/Shanghai")
PLANNED_BY = "demo"

# Local hours in which a team is on duty; an end before the start is on the next day.
Hours = tuple[tuple[float, float], ...]
_DAY: Hours = ((8, 20),)
_NIGHT: Hours = ((20, 8),)
_ROUND_THE_CLOCK: Hours = (*_DAY, *_NIGHT)
_EARLY, _LATE = ((6.5, 14.5),), ((14, 22),)
_VOLUNTEER_EVENING: Hours = ((7, 9), (18.5, 21.5))
_VOLUNTEER_MORNING: Hours = ((7, 9),)
_FOOT_TURN: tuple[Hours, ...] = (((7, 15),), ((15, 23),), ((23, 7),), ())  # and a day off

_PEOPLE = tuple(f"{a}{b}" for a in "甲乙丙丁戊己庚辛壬癸" for b in "子丑寅卯辰巳午未申酉戌亥")


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """A unit as it is invented.

    turn : its hours on the days, by turns; `first` says where in the turn day 0 is
    community : that it starts from; `grid_codes` : that it is assigned to
    """

    code: str
    name: str
    kind: str
    community: str
    grid_codes: tuple[str, ...]
    turn: tuple[Hours, ...]
    first: int = 0
    skills: tuple[str, ...] = ()
    kit: tuple[str, ...] = ()
    members: tuple[tuple[str, str], ...] = field(default=())

    def shifts(self, day: date, zone: ZoneInfo = ZONE) -> list[Period]:
        """Return its shifts that begin on a day; those of any two days don't overlap."""
        hours = self.turn[(day.toordinal() + self.first) % len(self.turn)]
        return [Period(_moment(day, start, zone), _moment(day, end, zone, after=start))
                for start, end in hours]  # fmt: skip


def _moment(day: date, hour: float, zone: ZoneInfo, *, after: float = 0.0) -> datetime:
    day += timedelta(days=1 if hour < after else 0)
    at = time(int(hour), round(hour % 1 * 60))
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def invent_units(communities: Sequence[tuple[str, str, Sequence[str]]]) -> list[DemoUnit]:
    """Return the units of a station: cars and an emergency unit a township, motorcycles for three
    communities each, a team on foot for each community, volunteers in every other.

    Parameters
    ----------
    communities : code, name and grid codes of each; the first nine digits are the township's
    """
    people = _people()
    townships: dict[str, list[tuple[str, str, Sequence[str]]]] = {}
    for each in communities:
        townships.setdefault(each[0][:9], []).append(each)
    return [
        *_cars(townships, people),
        *_motorcycles(communities, people),
        *_foot(communities, people),
        *_volunteers(communities, people),
        *_emergency_units(townships, people),
    ]


Communities = Sequence[tuple[str, str, Sequence[str]]]


def _people() -> Iterator[str]:
    """Names, each once; after 120 of them numbered."""
    round_of = 0
    while True:
        yield from (f"示例·{name}{round_of or ''}" for name in _PEOPLE)
        round_of += 1


def _team(people: Iterator[str], *roles: str) -> tuple[tuple[str, str], ...]:
    return tuple((next(people), role) for role in roles)


def _grids(communities: Communities) -> tuple[str, ...]:
    return tuple(code for _, _, codes in communities for code in codes)


def _cars(townships: dict[str, list[tuple[str, str, Sequence[str]]]],
          people: Iterator[str]) -> Iterator[DemoUnit]:  # fmt: skip
    number = 0
    for own in townships.values():
        for turn, label in ((_DAY, "日班"), (_NIGHT, "夜班")):
            number += 1
            yield DemoUnit(
                f"CAR-{number:02}", f"巡逻车{numeral(number)}组（{label}）", "car", own[0][0],
                _grids(own), (turn,), skills=("处警", "急救") if number % 2 else ("处警", "无人机"),
                kit=("车载电台", "执法记录仪", "警戒带", "急救包"),
                members=_team(people, "leader", "driver"),
            )  # fmt: skip


def _motorcycles(communities: Communities, people: Iterator[str]) -> Iterator[DemoUnit]:
    for number, start in enumerate(range(0, len(communities), 3), start=1):
        own = communities[start : start + 3]
        yield DemoUnit(
            f"MOTO-{number:02}", f"摩托巡逻{numeral(number)}组", "motorcycle", own[0][0],
            _grids(own), (_EARLY, _LATE), first=number, skills=("处警", "交通疏导"),
            kit=("对讲机", "执法记录仪", "反光锥"), members=_team(people, "leader", "member"),
        )  # fmt: skip


def _foot(communities: Communities, people: Iterator[str]) -> Iterator[DemoUnit]:
    for number, (code, name, grids) in enumerate(communities, start=1):
        yield DemoUnit(
            f"FOOT-{number:02}", f"{_short(name)}步巡组", "foot", code, tuple(grids), _FOOT_TURN,
            first=number, skills=("调解", "反诈宣传") if number % 3 else ("调解", "手语"),
            kit=("对讲机", "执法记录仪", "强光手电"), members=_team(people, "leader", "member"),
        )  # fmt: skip


def _volunteers(communities: Communities, people: Iterator[str]) -> Iterator[DemoUnit]:
    for number, (code, name, grids) in enumerate(communities[::2], start=1):
        yield DemoUnit(
            f"VOL-{number:02}", f"{_short(name)}红袖标志愿队", "volunteer", code, tuple(grids),
            (_VOLUNTEER_EVENING, _VOLUNTEER_MORNING), first=number, skills=("邻里守望",),
            kit=("红袖标", "哨子"), members=_team(people, "leader", "member", "member", "member"),
        )  # fmt: skip


def _emergency_units(townships: dict[str, list[tuple[str, str, Sequence[str]]]],
                     people: Iterator[str]) -> Iterator[DemoUnit]:  # fmt: skip
    for number, own in enumerate(townships.values(), start=1):
        yield DemoUnit(
            f"MEU-{number:02}", f"{_short(own[len(own) // 2][1])}最小应急单元", "emergency_unit",
            own[len(own) // 2][0], _grids(own), (_ROUND_THE_CLOCK,),
            skills=("急救", "灭火", "处突"),
            # The second lacks what it needs, so that it holds no ring until somebody sees to it.
            kit=("盾牌", "钢叉", *(() if number == 2 else ("对讲机", "头盔")), "灭火器", "AED"),
            members=_team(people, "leader", "member", "member"),
        )  # fmt: skip


def _short(community: str) -> str:
    return community.removesuffix("社区").removesuffix("村")


# -- into a store


def store_patrol(session: Session, *, today: date, zone: ZoneInfo = ZONE) -> int:
    """Store the units, those that aren't there, and their roster around a day; return how many
    units were made."""
    communities, homes = _communities(session, today)
    invented = invent_units(communities)
    known = set(session.scalars(select(PatrolUnit.code)))
    made = [each for each in invented if each.code not in known]
    for each in made:
        unit = create_unit(
            session, each.code, each.name, scope=GridScope.everything(), kind=each.kind,
            grid_codes=each.grid_codes, skills=each.skills, kit=each.kit,
            home=homes.get(each.community),
        )  # fmt: skip
        if each.kind == "emergency_unit":
            unit.drilled_on = today - timedelta(days=90)
        for name, role in each.members:
            add_member(session, unit, role=role, shown_name=name)
    _plan(session, invented, today=today, zone=zone)
    return len(made)


def keep_patrol(session: Session, *, today: date, zone: ZoneInfo = ZONE) -> bool:
    """In a store of the demo city: units, a roster that reaches today, and the demo accounts in
    their units. In any other store do nothing; return whether it was one."""
    if session.get(StoreNote, "demo_city") is None:
        return False
    store_patrol(session, today=today, zone=zone)
    _join(session, "worker", "FOOT-01", "member")
    _join(session, "leader", "CAR-01", "leader")
    return True


def _communities(
    session: Session, today: date
) -> tuple[list[tuple[str, str, list[str]]], dict[str, LonLat]]:
    """Communities with their grids, and a place in the middle grid of each."""
    rows = session.execute(
        select(
            Grid.community_code, Grid.grid_code, Area.name,
            func.ST_X(func.ST_PointOnSurface(Grid.geom)).label("longitude"),
            func.ST_Y(func.ST_PointOnSurface(Grid.geom)).label("latitude"),
        )
        .join(Area, Area.code == Grid.community_code, isouter=True)
        .where(Grid.valid_from <= today, (Grid.valid_to.is_(None)) | (Grid.valid_to > today))
        .order_by(Grid.grid_code)
    ).all()  # fmt: skip
    own: dict[str, list[tuple[str, str, LonLat]]] = {}
    for row in rows:
        middle = LonLat(row.longitude, row.latitude)
        place = (row.grid_code, row.name or row.community_code, middle)
        own.setdefault(row.community_code, []).append(place)
    return (
        [(code, grids[0][1], [grid for grid, _, _ in grids]) for code, grids in own.items()],
        {code: grids[len(grids) // 2][2] for code, grids in own.items()},
    )


def _plan(session: Session, invented: Sequence[DemoUnit], *, today: date, zone: ZoneInfo) -> None:
    """Shifts that touch no shift of their unit: what a person planned or ended stays as it is."""
    rows = [
        (each.code, shift.start, shift.end)
        for each in invented
        for back in range(-DAYS_BACK, DAYS_AHEAD + 1)
        for shift in each.shifts(today + timedelta(days=back), zone)
    ]
    session.execute(
        text(
            """
            INSERT INTO duty_shift (unit_id, starts_at, ends_at, planned_by)
            SELECT patrol_unit.id, starts_at, ends_at, :planned_by
            FROM unnest(CAST(:codes AS text[]), CAST(:starts AS timestamptz[]),
                        CAST(:ends AS timestamptz[])) AS planned(code, starts_at, ends_at)
            JOIN patrol_unit USING (code)
            WHERE patrol_unit.ended_at IS NULL AND NOT EXISTS (
                SELECT FROM duty_shift AS other WHERE other.unit_id = patrol_unit.id
                AND other.starts_at < planned.ends_at AND other.ends_at > planned.starts_at)
            """
        ),
        {
            "codes": [code for code, _, _ in rows],
            "starts": [start for _, start, _ in rows],
            "ends": [end for _, _, end in rows],
            "planned_by": PLANNED_BY,
        },
    )


def _join(session: Session, account: str, code: str, role: str) -> None:
    """Let a demo account belong to a unit, once."""
    account_id = session.scalar(
        select(Account.id).where(
            Account.name == account, Account.is_demo, Account.ended_at.is_(None)
        )
    )
    unit = session.scalar(
        select(PatrolUnit).where(PatrolUnit.code == code, PatrolUnit.ended_at.is_(None))
    )
    if account_id is None or unit is None:
        return
    was_there = exists().where(
        PatrolUnitMember.unit_id == unit.id, PatrolUnitMember.account_id == account_id
    )
    if not session.scalar(select(was_there)):
        add_member(session, unit, account_id, role)
