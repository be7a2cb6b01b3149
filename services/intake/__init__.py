"""Intake: the contest's rulebook and calendar, accounts, briefing sign-up, entries and their screening."""
