"""The registers of people, dwellings and establishments (一标三实): each at a standard address.

Writes answer at once what is wrong, alike, contradicted, missing and due (docs/registers.md).
Reading or writing anything about a person takes a purpose and a case, and is audited.
"""

from geo.registers.answers import Alike, Contradiction, Fault, WriteAnswer
from geo.registers.completeness import completeness_of, required_fields
from geo.registers.cycles import Cycles, cycles_of
from geo.registers.due import (
    DUE_KINDS,
    DueFilter,
    DueGrid,
    DuePlace,
    count_due_by_grid,
    find_due,
    follow_cycles,
)
from geo.registers.dwellings import (
    NewDwelling,
    change_dwelling,
    dwelling_facts,
    end_dwelling,
    record_dwelling,
)
from geo.registers.elsewhere import report_elsewhere
from geo.registers.establishments import (
    NewEstablishment,
    change_establishment,
    end_establishment,
    establishment_facts,
    move_establishment,
    record_establishment,
)
from geo.registers.finding import (
    RecordFilter,
    count_records,
    find_former,
    find_records,
    get_record,
    record_history,
)
from geo.registers.persons import PAGE_MAX as PERSONS_PAGE_MAX
from geo.registers.persons import (
    PersonView,
    ResidenceView,
    find_by_number,
    list_residents,
    read_numbers,
    read_resident,
    residents_at,
)
from geo.registers.residences import (
    NewResidence,
    annul_residence,
    change_residence,
    end_residence,
    move_resident,
    open_residence,
    residence_facts,
)
from geo.registers.residents import NewResident, change_resident, record_resident
from geo.registers.verifying import (
    Look,
    find_open_reports,
    find_reports,
    find_verifications,
    report_error,
    settle_report,
    verify_record,
)
from geo.registers.writing import Writing

__all__ = [
    "DUE_KINDS",
    "PERSONS_PAGE_MAX",
    "Alike",
    "Contradiction",
    "Cycles",
    "DueFilter",
    "DueGrid",
    "DuePlace",
    "Fault",
    "Look",
    "NewDwelling",
    "NewEstablishment",
    "NewResidence",
    "NewResident",
    "PersonView",
    "RecordFilter",
    "ResidenceView",
    "WriteAnswer",
    "Writing",
    "annul_residence",
    "change_dwelling",
    "change_establishment",
    "change_residence",
    "change_resident",
    "completeness_of",
    "count_due_by_grid",
    "count_records",
    "cycles_of",
    "dwelling_facts",
    "end_dwelling",
    "end_establishment",
    "end_residence",
    "establishment_facts",
    "find_by_number",
    "find_due",
    "find_former",
    "find_open_reports",
    "find_records",
    "find_reports",
    "find_verifications",
    "follow_cycles",
    "get_record",
    "list_residents",
    "move_establishment",
    "move_resident",
    "open_residence",
    "read_numbers",
    "read_resident",
    "record_dwelling",
    "record_establishment",
    "record_history",
    "record_resident",
    "report_elsewhere",
    "report_error",
    "required_fields",
    "residence_facts",
    "residents_at",
    "settle_report",
    "verify_record",
]
