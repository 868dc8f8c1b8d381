"""Spans of time, as short as a column is narrow."""

from datetime import timedelta

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def span(value: timedelta) -> str:
    """Show how long something took or is ago, in one or two units: ``0.4 s``, ``3 min 20 s``, ``2 days``."""
    seconds = max(value.total_seconds(), 0.0)
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": formats.number_format(round(seconds, 1), 1)}
    whole = round(seconds)
    if whole < _MINUTE:
        return _("%(seconds)s s") % {"seconds": whole}
    if whole < _HOUR:
        return _("%(minutes)d min %(seconds)d s") % {
            "minutes": whole // _MINUTE,
            "seconds": whole % _MINUTE,
        }
    if whole < _DAY:
        return _("%(hours)d h %(minutes)d min") % {
            "hours": whole // _HOUR,
            "minutes": whole % _HOUR // _MINUTE,
        }
    return ngettext("%(days)d day", "%(days)d days", whole // _DAY) % {"days": whole // _DAY}
