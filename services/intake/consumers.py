"""What intake learns from the judges."""

from services.intake.handlers.decisions import (
    on_judge_assigned,
    on_judge_recused,
    on_results_published,
    on_shortlist_published,
)
from shared.contracts.scoring import JudgeAssigned, JudgeRecused, ResultsPublished, ShortlistPublished
from shared.messaging import Subscription

SUBSCRIPTIONS = (
    Subscription(
        group="intake",
        topic=ShortlistPublished.TOPIC,
        handlers={
            ShortlistPublished: on_shortlist_published,
            ResultsPublished: on_results_published,
        },
    ),
    Subscription(
        group="intake",
        topic=JudgeAssigned.TOPIC,
        handlers={JudgeAssigned: on_judge_assigned, JudgeRecused: on_judge_recused},
    ),
)
