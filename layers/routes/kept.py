"""What a patrol plan keeps in the store: the question without its times, the plans, the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from geo.roads.modes import TravelMode
from geo.values import LonLat
from layers.routes.near_equal import NearEqualPlans, Predictability, predictability
from layers.routes.plan import PatrolPlan
from layers.routes.problem import Ban, Lock, PatrolPlace, RouteProblem, RouteUnit, Seconds


@dataclass(frozen=True)
class KeptPlan:
    """A plan as it is kept.

    plans, chosen : near-equal plans, best first, and which of them is to be driven
    seed : of search and draw; `is_drawn`: the seed chose, no person
    told : how foreseeable they are; `before_edit`: the same before the edit that warned
    replaces : number of the plan whose rest this is; that one ends when this is assigned
    """

    places: tuple[PatrolPlace, ...]
    units: tuple[RouteUnit, ...]
    locks: tuple[Lock, ...] = ()
    bans: tuple[Ban, ...] = ()
    plans: tuple[PatrolPlan, ...] = ()
    chosen: int = 0
    seed: int = 1
    is_drawn: bool = False
    told: Predictability | None = None
    before_edit: Predictability | None = None
    replaces: int | None = None

    @property
    def plan(self) -> PatrolPlan | None:
        """The plan that is chosen; None before it is solved."""
        return self.plans[self.chosen] if self.plans else None

    @property
    def points(self) -> list[LonLat]:
        return list(RouteProblem.points_of(self.places, self.units))

    @property
    def modes(self) -> list[TravelMode]:
        return list(dict.fromkeys(unit.mode for unit in self.units))

    def problem(self, travel_s: Mapping[TravelMode, Seconds]) -> RouteProblem:
        """Return the question with its times."""
        return RouteProblem(self.places, self.units, travel_s, self.locks, self.bans)

    def solved(self, problem: RouteProblem, found: NearEqualPlans) -> KeptPlan:
        """Return it with plans, one of them drawn."""
        return replace(
            self, locks=problem.locks, bans=problem.bans, plans=found.plans, chosen=found.drawn,
            seed=found.seed, is_drawn=True, told=found.predictability, before_edit=None,
        )  # fmt: skip

    def chosen_by_hand(self, chosen: int) -> KeptPlan:
        """Return it with another of its plans chosen by a person: then it is no draw any more."""
        told = predictability(self.plans[chosen : chosen + 1])
        return replace(self, chosen=chosen, is_drawn=False, told=told, before_edit=self.told)


_KEPT = TypeAdapter(KeptPlan)


def kept_to_json(kept: KeptPlan) -> dict[str, Any]:
    """Return a plan as JSON takes it."""
    found: dict[str, Any] = _KEPT.dump_python(kept, mode="json")
    return found


def kept_of_json(content: Mapping[str, Any]) -> KeptPlan:
    """Return a plan from what `kept_to_json` wrote."""
    return _KEPT.validate_python(dict(content))
