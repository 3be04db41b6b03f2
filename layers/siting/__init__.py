"""Where units or posts should stand: how many reach all, which reach most, which are nearest."""

from layers.siting.covering import cover_all, cover_most, expected_cover
from layers.siting.median import least_time
from layers.siting.problem import PlanDifference, SitingPlan, SitingProblem, compare_plans

__all__ = [
    "PlanDifference",
    "SitingPlan",
    "SitingProblem",
    "compare_plans",
    "cover_all",
    "cover_most",
    "expected_cover",
    "least_time",
]
