"""`annotations`: tables of what is heard when in recordings, whose windows become clips."""
