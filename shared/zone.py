"""The contest's time zone, for rules that know no database."""

from zoneinfo import ZoneInfo

BANGKOK = ZoneInfo("Asia/Bangkok")
