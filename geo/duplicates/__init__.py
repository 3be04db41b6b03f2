"""Standard addresses that are probably one place: found, shown, decided by a person.

`finding` searches the whole register as a job, `likeness` says how alike two addresses are,
`pairs` is the queue of what was found.
"""
