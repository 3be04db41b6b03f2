"""Patrol routes: what a plan collects after 2, 5 and 20 s, against PyVRP, OR-Tools and VROOM.

    python -m bench.routes [--seconds 2 5 20] [--forms N] [--seed S] [--keep]

Ten generated shifts (`bench.route_shifts`): the first two are 60 places x 3 visits, 12 min each, 8
h, with 3 and 6 units; the others are smaller, larger, with several stations, on foot, with slots
that overlap. The same constraints for all (slots, dwell, shifts; no gaps, since no peer knows
them), one thread each, methods in turn, by the clock. Every plan is looked at by our checker.
`--keep` writes better plans than any known into bench/data/patrol_routes.json.

Then the same two shifts with a gap of 60 min between visits of one place, ours alone, and how long
it takes to solve again after a stop was moved.

RESULT: per time limit, `vs_best_peer` (ours over the best peer's prize: the worst shift),
`vs_best_peer_mean`, `vs_best_known` (worst), `prize_3u`, `prize_6u` (shares of all that is asked
for in the first two shifts), `gap_3u` (the first with gaps), `again_s` (worst of the moves),
`again_kept` (share of the other stops that stayed with their unit).
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.route_peers import PEERS
from bench.route_shifts import FORMS, read_best_known, shift_of, write_best_known
from geo.errors import InvalidInput
from layers.routes.checking import plan_faults
from layers.routes.edits import move_stop
from layers.routes.plan import PatrolPlan
from layers.routes.problem import RouteProblem
from layers.routes.solving import solve_routes

GAP_S = 3600
AGAIN_S = 1.5  # searched after an edit


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, nargs="+", default=[2.0, 5.0, 20.0])
    arguments.add_argument("--forms", type=int, default=len(FORMS))
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", action="store_true")
    given = arguments.parse_args()
    solve_routes(shift_of(FORMS[0]), steps=1)  # compiled before anything is timed
    known = read_best_known()
    table = Table(title="share of the best known prize")
    for column in ("shift", "best known", "asked", "s", "ours", *PEERS):
        table.add_column(column, justify="right")
    ratios: dict[float, list[float]] = {limit: [] for limit in given.seconds}
    of_known: dict[float, list[float]] = {limit: [] for limit in given.seconds}
    shares: dict[str, dict[str, float]] = {"prize_3u": {}, "prize_6u": {}}
    rows = []
    for number, form in enumerate(FORMS[: given.forms]):
        problem = shift_of(form)
        for limit in given.seconds:
            plan = solve_routes(problem, seconds=limit, seed=given.seed)
            assert plan_faults(problem, plan) == []
            found = {"ours": plan.prize}
            for name, ask in PEERS.items():
                found[name] = ask(problem, limit, given.seed)
            best = max(found, key=lambda name: found[name])
            if found[best] > float(known.get(form.name, {}).get("prize", 0)):
                known[form.name] = {"prize": found[best], "by": best, "seconds": limit}
            rows.append((form.name, plan.prize_asked, limit, found))
            ratios[limit].append(plan.prize / max(found[name] for name in PEERS))
            if number < 2:
                shares["prize_3u" if number == 0 else "prize_6u"][f"{limit:g}"] = round(
                    plan.prize / plan.prize_asked, 4
                )
    for name, asked, limit, found in rows:
        best_known = float(known[name]["prize"])
        of_known[limit].append(found["ours"] / best_known)
        table.add_row(
            name, f"{best_known:.0f}", f"{asked:.0f}", f"{limit:g}",
            *(f"{found[each] / best_known:.4f}" for each in ("ours", *PEERS)),
        )  # fmt: skip
    Console(width=110).print(table)
    gap_share, again_s, kept = _gaps_and_moves(given.seed)
    if given.keep:
        write_best_known(known)
    print(
        "RESULT",
        json.dumps(
            {
                "vs_best_peer": {f"{k:g}": round(min(v), 5) for k, v in ratios.items()},
                "vs_best_peer_mean": {
                    f"{k:g}": round(float(np.mean(v)), 5) for k, v in ratios.items()
                },
                "vs_best_known": {f"{k:g}": round(min(v), 5) for k, v in of_known.items()},
                **shares,
                "gap_3u": round(gap_share, 4),
                "again_s": round(again_s, 3),
                "again_kept": round(kept, 4),
            }
        ),
    )


def _gaps_and_moves(seed: int) -> tuple[float, float, float]:
    """The first shift with gaps; then ten moves of a stop to another unit, each solved again."""
    problem = shift_of(FORMS[0], gap_min_s=GAP_S)
    plan = solve_routes(problem, seconds=5.0, seed=seed)
    assert plan_faults(problem, plan) == []
    random = np.random.default_rng(seed)
    took, kept, tries = [], [], 0
    while len(took) < 10 and tries < 100:
        tries += 1
        route = plan.routes[random.integers(len(plan.routes))]
        stop = route.stops[random.integers(len(route.stops))]
        other = plan.routes[random.integers(len(plan.routes))]
        assert stop.place_id is not None
        began = time.perf_counter()
        try:
            moved, start = move_stop(
                problem, plan, stop.place_id, stop.slot, unit_id=other.unit_id,
                position=int(random.integers(len(other.stops))),
            )  # fmt: skip
        except InvalidInput:
            continue  # its slot is over there, as a leader would be told
        again = solve_routes(moved, seconds=AGAIN_S, start=start, seed=seed)
        took.append(time.perf_counter() - began)
        assert plan_faults(moved, again) == []
        kept.append(_kept(plan, again))
    share = plan.prize / plan.prize_asked
    print(f"gap of {GAP_S // 60} min, 5 s: {share:.4f} of the prize")
    print(f"moved, solved again in {max(took):.2f} s at most, {np.mean(kept):.1%} of stops kept")
    return plan.prize / plan.prize_asked, max(took), float(np.mean(kept))


def _kept(before: PatrolPlan, after: PatrolPlan) -> float:
    def whose(plan: PatrolPlan) -> set[tuple[str | None, int, str]]:
        return {(s.place_id, s.slot, r.unit_id) for r in plan.routes for s in r.stops}

    return len(whose(before) & whose(after)) / len(whose(before))


def problem_of(name: str) -> RouteProblem:
    """Return the shift of a name, for who wants to beat what is known."""
    return shift_of(next(form for form in FORMS if form.name == name))


if __name__ == "__main__":
    main()
