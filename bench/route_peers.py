"""The same patrol shift for PyVRP, OR-Tools and VROOM: slots, dwell, shifts, prizes; no gaps.

Each on one thread. Each answers which visits its plan makes and what they are worth; a plan is
looked at by our own checker before it counts.
"""

from __future__ import annotations

import warnings

import numpy as np

from layers.routes.checking import plan_faults
from layers.routes.plan import PatrolPlan, UnitRoute
from layers.routes.problem import RouteProblem
from layers.routes.search_kernels import NOWHERE, load_tours
from layers.routes.task import search_task

SECONDS_A_POINT = 1_000  # of travel that a point of prize outweighs, so that prizes decide


def by_pyvrp(problem: RouteProblem, seconds: float, seed: int = 1) -> float:
    import pyvrp
    from pyvrp.stop import MaxRuntime

    task = search_task(problem).task
    count = task.times.shape[1]
    clients = [
        pyvrp.Client(
            int(task.node[k]),
            service_duration=int(task.dwell[k]),
            tw_early=int(task.early[k]),
            tw_late=int(task.late[k]),
            prize=int(task.prize[k]) * SECONDS_A_POINT,
            required=False,
        )
        for k in range(len(task.node))
    ]
    depots, vehicles = [], []
    for u in range(len(task.mode)):
        depots += [pyvrp.Depot(int(task.start_node[u])), pyvrp.Depot(int(task.end_node[u]))]
        vehicles.append(
            pyvrp.VehicleType(
                1,
                start_depot=2 * u,
                end_depot=2 * u + 1,
                tw_early=int(task.on[u]),
                tw_late=int(task.off[u]),
            )
        )
    times = task.times[0].astype(np.int64)
    data = pyvrp.ProblemData(
        [pyvrp.Location(0, 0)] * count, clients, depots, vehicles, [times], [times]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pyvrp.solve(data, MaxRuntime(seconds), seed=seed, collect_stats=False).best
    routes: list[list[int]] = [[] for _ in problem.units]
    if not found.is_feasible():
        return 0.0
    for route in found.routes():
        routes[route.vehicle_type()] = [each.idx for each in route if each.is_client()]
    return prize_of(problem, routes)


def by_ortools(problem: RouteProblem, seconds: float, seed: int = 1) -> float:
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    task = search_task(problem).task
    n, units = len(task.node), len(task.mode)
    nodes = [*task.node.tolist(), *task.start_node.tolist(), *task.end_node.tolist()]
    manager = pywrapcp.RoutingIndexManager(
        len(nodes), units, list(range(n, n + units)), list(range(n + units, n + 2 * units))
    )
    model = pywrapcp.RoutingModel(manager)
    travel = task.times[0][np.ix_(nodes, nodes)].astype(int)
    dwell = np.concatenate((task.dwell, np.zeros(2 * units, np.int64)))
    way = model.RegisterTransitMatrix(travel.tolist())
    passing = model.RegisterTransitMatrix((travel + dwell[:, None]).tolist())
    model.SetArcCostEvaluatorOfAllVehicles(way)
    horizon = int(task.off.max())
    model.AddDimension(passing, horizon, horizon, False, "time")
    clock = model.GetDimensionOrDie("time")
    for k in range(n):
        index = manager.NodeToIndex(k)
        clock.CumulVar(index).SetRange(int(task.early[k]), int(task.late[k]))
        model.AddDisjunction([index], int(task.prize[k]) * SECONDS_A_POINT)
    for u in range(units):
        clock.CumulVar(model.Start(u)).SetRange(int(task.on[u]), int(task.off[u]))
        clock.CumulVar(model.End(u)).SetRange(int(task.on[u]), int(task.off[u]))
    asked = pywrapcp.DefaultRoutingSearchParameters()
    asked.first_solution_strategy = (
        routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    )
    asked.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    asked.time_limit.FromMilliseconds(int(seconds * 1000))
    found = model.SolveWithParameters(asked)
    if found is None:
        return 0.0
    routes: list[list[int]] = []
    for u in range(units):
        index, stops = model.Start(u), []
        while not model.IsEnd(index):
            if manager.IndexToNode(index) < n:
                stops.append(manager.IndexToNode(index))
            index = found.Value(model.NextVar(index))
        routes.append(stops)
    return prize_of(problem, routes)


def by_vroom(problem: RouteProblem, seconds: float, seed: int = 1) -> float:
    """VROOM ends by itself, mostly long before the time is over."""
    from datetime import timedelta

    import vroom

    task = search_task(problem).task
    asked = vroom.Input()
    asked.set_durations_matrix("car", task.times[0].astype(np.uint32))
    for u in range(len(task.mode)):
        asked.add_vehicle(
            vroom.Vehicle(
                u,
                start=int(task.start_node[u]),
                end=int(task.end_node[u]),
                profile="car",
                time_window=(int(task.on[u]), int(task.off[u])),
            )
        )
    for k in range(len(task.node)):
        asked.add_job(
            vroom.Job(
                k,
                location=int(task.node[k]),
                default_service=int(task.dwell[k]),
                priority=int(task.prize[k]),
                time_windows=[(int(task.early[k]), int(task.late[k]))],
            )
        )
    found = asked.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=seconds))
    routes: list[list[int]] = [[] for _ in problem.units]
    for step in found.routes.itertuples():
        if step.type == "job":
            routes[int(step.vehicle_id)].append(int(step.id))
    return prize_of(problem, routes)


PEERS = {"pyvrp": by_pyvrp, "ortools": by_ortools, "vroom": by_vroom}


def prize_of(problem: RouteProblem, routes: list[list[int]]) -> float:
    """Return what a peer's routes collect, by our rules; its plan has to keep them all."""
    asked = search_task(problem)
    tours = asked.tours()
    for u, stops in enumerate(routes):
        load_tours(asked.task, tours, np.full(len(stops), u, np.int32), np.array(stops, np.int32))
    made = int((tours.unit != NOWHERE).sum())
    if made != sum(len(stops) for stops in routes):
        raise AssertionError(f"A peer's plan breaks a rule: {made} of its stops fit.")
    found: tuple[UnitRoute, ...] = asked.routes_of(tours)
    prize = asked.prize_of(tours)
    plan = PatrolPlan(found, prize, 0.0, 0, (), 0, 0)
    faults = plan_faults(problem, plan)
    if faults:
        raise AssertionError(f"A peer's plan breaks a rule: {faults[0]}.")
    return prize
