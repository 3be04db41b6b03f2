"""`gridbeat retention …`: the rules, the job that deletes what is over, its receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geo.commands.audit import operator
from geo.commands.context import open_store
from geo.retention import AUDIT_DAYS_MIN, RULES, find_receipts, rules_of, run_retention
from geo.settings import load_settings
from geo.tables import RetentionReceipt

app = typer.Typer(help="How long what is kept, and deleting it then.", no_args_is_help=True)
console = Console()


@app.command()
def rules() -> None:
    """List the rules."""
    days = rules_of(load_settings())
    shown = Table("rule", "days", "what", "why so long")
    for rule in RULES:
        shown.add_row(rule.name, f"{days[rule.name]:,}", rule.what, rule.source)
    shown.add_row("audit", "for good", f"the audit log; the law asks for {AUDIT_DAYS_MIN}", "")
    console.print(shown)


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Delete what is over, with a receipt for each batch; the server does so each day."""
    settings = load_settings()
    with open_store(settings) as database:
        found = run_retention(
            database, operator(), settings=settings, now=datetime.now(UTC), dry_run=dry_run
        )
    shown = Table("rule", "kept for [days]", "would go" if dry_run else "deleted", "from", "to")
    for each in found:
        moments = (f"{at:%Y-%m-%d}" if at else "" for at in (each.oldest, each.newest))
        shown.add_row(each.rule, f"{each.keep_days:,}", f"{each.row_count:,}", *moments)
    console.print(shown)


@app.command()
def receipts(
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Receipts at most.")] = 20,
) -> None:
    """List what was deleted, newest first."""
    shown = Table("when", "rule", "rows", "kept for [days]", "from", "to", "by", "kept")
    with open_store() as database, database.session() as session:
        for each in find_receipts(session, rule=rule, limit=limit):
            shown.add_row(
                f"{each.deleted_at:%Y-%m-%d %H:%M}Z",
                each.rule,
                f"{each.row_count:,}",
                f"{each.keep_days:,}",
                f"{each.oldest_at:%Y-%m-%d}",
                f"{each.newest_at:%Y-%m-%d}",
                Text(each.deleted_by),
                _kept(each),
            )
    console.print(shown)


def _kept(receipt: RetentionReceipt) -> str:
    """What stays of positions: rows of coverage, which name no unit; how their hash begins."""
    if receipt.kept_row_count is None:
        return ""
    return (
        f"{receipt.unit_count:,} units; {receipt.kept_row_count:,} rows of coverage, "
        f"SHA-256 {(receipt.kept_sha256 or '')[:12]}"
    )
