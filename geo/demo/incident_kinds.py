"""The kinds of incidents of the demo city: their tree, and when and where each happens.

Invented from what any duty officer would say of a district: thieves at markets in the morning,
fights in the street of bars on Friday night, collisions in the rush hours. No figure is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from geo.incidents.categories import CategoryRow

EVEN_WEEK = (1.0,) * 7
WORKING_WEEK = (1.2, 1.15, 1.15, 1.15, 1.2, 0.65, 0.5)
FREE_WEEK = (0.8, 0.75, 0.8, 0.85, 1.1, 1.4, 1.3)
BAR_WEEK = (0.5, 0.5, 0.6, 0.8, 1.9, 2.1, 0.6)
EVEN_YEAR = (1.0,) * 12
WARM_YEAR = (0.55, 0.55, 0.8, 1.0, 1.25, 1.45, 1.5, 1.45, 1.2, 1.0, 0.7, 0.55)
COLD_YEAR = (1.6, 1.5, 1.0, 0.85, 0.75, 0.7, 0.75, 0.75, 0.85, 0.95, 1.05, 1.25)
EVE_YEAR = (1.5, 1.1, 0.9, 0.85, 0.9, 1.05, 0.9, 0.9, 0.9, 0.95, 1.1, 1.35)

CATEGORIES = (
    CategoryRow("theft", "盗窃", None, "Theft"),
    CategoryRow("theft_burglary", "入户盗窃", "theft", "Burglary"),
    CategoryRow("theft_pickpocket", "扒窃", "theft", "Pickpocketing"),
    CategoryRow("theft_ebike", "盗窃电动自行车", "theft", "Theft of e-bikes"),
    CategoryRow("theft_shop", "盗窃商铺", "theft", "Theft from shops"),
    CategoryRow("fraud", "诈骗", None, "Fraud"),
    CategoryRow("fraud_telecom", "电信网络诈骗", "fraud", "Telecom fraud"),
    CategoryRow("violence", "暴力", None, "Violence"),
    CategoryRow("violence_fight", "打架斗殴", "violence", "Fights"),
    CategoryRow("dispute", "纠纷", None, "Disputes", is_repeat_flagged=True),
    # Where a family quarrels is for those who go there, not for every desk.
    CategoryRow(
        "dispute_family", "家庭纠纷", "dispute", "Family disputes",
        point_roles=("grid_worker", "patrol_leader", "chief"), is_repeat_flagged=True,
    ),
    CategoryRow(
        "dispute_neighbour", "邻里纠纷", "dispute", "Disputes of neighbours",
        point_roles=("grid_worker", "patrol_leader", "chief"), is_repeat_flagged=True,
    ),
    CategoryRow("dispute_consumer", "消费纠纷", "dispute", "Disputes with shops",
                is_repeat_flagged=True),
    CategoryRow("dispute_labour", "劳资纠纷", "dispute", "Disputes over pay",
                is_repeat_flagged=True),
    CategoryRow("nuisance", "扰民", None, "Nuisance"),
    CategoryRow("nuisance_noise", "噪声扰民", "nuisance", "Noise"),
    CategoryRow("traffic", "交通", None, "Traffic"),
    CategoryRow("traffic_collision", "交通事故", "traffic", "Collisions"),
    CategoryRow("traffic_parking", "违法停车", "traffic", "Parking"),
    CategoryRow("help", "求助", None, "Calls for help"),
    CategoryRow("help_property", "物品遗失", "help", "Lost property"),
    CategoryRow("help_other", "其他求助", "help", "Other calls for help"),
    CategoryRow("order", "治安管理", None, "Public order"),
    CategoryRow("order_gambling", "赌博", "order", "Gambling"),
    CategoryRow("order_fire_hazard", "消防隐患", "order", "Fire hazards"),
    CategoryRow("order_unlicensed", "无证经营", "order", "Trading without a licence"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IncidentKind:
    """When and where one kind happens.

    a_year : how many are expected
    hours : peaks of the day: hour, spread [h], share of all; the rest is spread evenly
    week, year : factors by weekday (Monday first) and month
    places : where, by share; see `geo.demo.incident_places`
    officer, transferred, sensor : shares of those sources; officers find near their station
    stretch_h : it is found out later: the stretch in which it happened is so long [h]
    at_address : share that is put down by its address; the rest has a point in the street
    """

    code: str
    a_year: float
    hours: tuple[tuple[float, float, float], ...]
    places: tuple[tuple[str, float], ...]
    week: tuple[float, ...] = EVEN_WEEK
    year: tuple[float, ...] = EVEN_YEAR
    officer: float = 0.02
    transferred: float = 0.02
    sensor: float = 0.0
    stretch_h: tuple[float, float] | None = None
    at_address: float = 0.8


KINDS = (
    IncidentKind(
        "theft_burglary", 330, ((10.5, 2.5, 0.5), (20.5, 1.5, 0.3)), (("homes", 1.0),),
        WORKING_WEEK, COLD_YEAR, stretch_h=(1.5, 10.0), at_address=1.0,
    ),
    IncidentKind(
        "theft_pickpocket", 640, ((9.0, 1.5, 0.55), (18.5, 1.5, 0.35)),
        (("markets", 0.5), ("square", 0.2), ("shops", 0.3)), FREE_WEEK, at_address=0.35,
    ),
    IncidentKind(
        "theft_ebike", 700, ((2.0, 3.0, 0.5), (20.0, 3.0, 0.3)),
        (("moving", 0.6), ("estates", 0.25), ("shops", 0.15)), EVEN_WEEK, WARM_YEAR,
        stretch_h=(2.0, 11.0), at_address=0.6,
    ),
    IncidentKind(
        "theft_shop", 340, ((12.5, 2.0, 0.3), (18.0, 2.0, 0.5)), (("shops", 0.8), ("markets", 0.2)),
        FREE_WEEK, at_address=1.0,
    ),
    IncidentKind(
        "fraud_telecom", 680, ((10.5, 2.0, 0.45), (15.5, 2.0, 0.4)),
        (("homes", 0.8), ("offices", 0.2)), WORKING_WEEK, EVE_YEAR, at_address=1.0,
    ),
    IncidentKind(
        "violence_fight", 480, ((23.0, 1.7, 0.8),),
        (("bar_street", 0.3), ("bar_quarter", 0.2), ("square", 0.08), ("shops", 0.27),
         ("estates", 0.15)),
        BAR_WEEK, WARM_YEAR, officer=0.05, at_address=0.4,
    ),
    IncidentKind(
        "dispute_family", 560, ((20.5, 2.0, 0.75),), (("homes", 1.0),), FREE_WEEK, EVE_YEAR,
        officer=0.0, at_address=1.0,
    ),
    IncidentKind(
        "dispute_neighbour", 560, ((19.5, 2.5, 0.7),), (("homes", 1.0),), FREE_WEEK, WARM_YEAR,
        officer=0.01, transferred=0.1, at_address=1.0,
    ),
    IncidentKind(
        "dispute_consumer", 450, ((13.0, 2.0, 0.4), (18.5, 2.0, 0.5)),
        (("shops", 0.75), ("markets", 0.25)), FREE_WEEK, transferred=0.15, at_address=1.0,
    ),
    IncidentKind(
        "dispute_labour", 110, ((10.0, 2.0, 0.8),), (("works", 0.6), ("offices", 0.4)),
        WORKING_WEEK, EVE_YEAR, transferred=0.2, at_address=1.0,
    ),
    IncidentKind(
        "nuisance_noise", 960, ((22.5, 1.7, 0.75),),
        (("bar_street", 0.1), ("bar_quarter", 0.1), ("square", 0.08), ("estates", 0.72)),
        FREE_WEEK, WARM_YEAR, transferred=0.12, at_address=0.7,
    ),
    IncidentKind(
        "traffic_collision", 1150, ((8.2, 0.9, 0.35), (18.0, 1.2, 0.35)), (("junctions", 1.0),),
        WORKING_WEEK, EVEN_YEAR, officer=0.05, sensor=0.03, at_address=0.0,
    ),
    IncidentKind(
        "traffic_parking", 700, ((9.0, 1.5, 0.3), (17.5, 2.0, 0.4)),
        (("shops", 0.6), ("estates", 0.25), ("markets", 0.15)), EVEN_WEEK,
        officer=0.35, transferred=0.1, at_address=0.1,
    ),
    IncidentKind(
        "help_property", 700, ((11.0, 2.5, 0.4), (18.0, 2.5, 0.4)),
        (("shops", 0.45), ("square", 0.2), ("markets", 0.15), ("campus", 0.2)), FREE_WEEK,
        at_address=0.5,
    ),
    IncidentKind(
        "help_other", 740, ((9.5, 2.5, 0.4), (19.0, 2.5, 0.4)), (("homes", 0.7), ("shops", 0.3)),
    ),
    IncidentKind(
        "order_gambling", 150, ((15.0, 2.0, 0.4), (21.5, 2.0, 0.5)),
        (("shops", 0.5), ("homes", 0.5)), FREE_WEEK, COLD_YEAR, officer=0.75, at_address=1.0,
    ),
    IncidentKind(
        "order_fire_hazard", 640, ((10.0, 1.5, 0.5), (15.5, 1.5, 0.5)),
        (("shops", 0.5), ("estates", 0.3), ("works", 0.2)), WORKING_WEEK, officer=0.85,
        sensor=0.08, at_address=0.9,
    ),
    IncidentKind(
        "order_unlicensed", 200, ((10.0, 2.0, 0.5), (17.0, 2.0, 0.5)),
        (("shops", 0.7), ("markets", 0.3)), WORKING_WEEK, officer=0.8, at_address=0.8,
    ),
)  # fmt: skip
