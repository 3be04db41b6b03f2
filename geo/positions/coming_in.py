"""Positions as they come in, and where all units are by them: what one process has one of."""

from __future__ import annotations

from sqlalchemy import exists, select

from geo.positions.intake import Intake
from geo.positions.live import LiveBoard
from geo.store.database import Database
from geo.tables import PatrolDevice


class PositionsIn:
    """The intake, and the board that it tells of what moved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.board = LiveBoard()
        self.intake = Intake(database, moved=self.board.move)

    def has_devices(self) -> bool:
        """Whether a device was ever registered, so that one may be sending."""
        with self._database.session() as session:
            return bool(session.scalar(select(exists().select_from(PatrolDevice))))
