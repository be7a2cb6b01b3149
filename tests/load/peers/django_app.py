"""Django with its ORM behind gunicorn, in one module.

Settings: gunicorn's threaded workers, 2 × cores + 1 of them as its documentation counts (threads keep
connections alive, which its sync workers cannot); ``CONN_MAX_AGE = None`` with psycopg 3, so that each
thread keeps its connection (Django, "Persistent connections"); no middleware, sessions or debug.
``bulk_create(ignore_conflicts=True)`` is the ORM's ``INSERT … ON CONFLICT DO NOTHING``: one statement in
autocommit, cheaper than ``get_or_create`` or catching an ``IntegrityError`` in a transaction.
"""

import json
import os
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpRequest, JsonResponse
from django.urls import path

ENTRIES = frozenset(f"entry-{number:02d}" for number in range(12))
_dsn = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="spike",
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _dsn.path[1:],
            "USER": _dsn.username,
            "PASSWORD": _dsn.password,
            "HOST": _dsn.hostname,
            "PORT": _dsn.port,
            "CONN_MAX_AGE": None,
        }
    },
)
django.setup()


class Vote(models.Model):
    pk = models.CompositePrimaryKey("poll", "voter_id")
    poll = models.TextField()
    voter_id = models.TextField()
    entry_id = models.TextField()

    class Meta:
        app_label = "spike"
        db_table = "vote"


def cast(request: HttpRequest) -> JsonResponse:
    vote = json.loads(request.body)
    if vote["entry_id"] not in ENTRIES:
        return JsonResponse({"error": "not on the ballot"}, status=422)
    kept = Vote(poll=vote["poll"], voter_id=vote["voter_id"], entry_id=vote["entry_id"])
    Vote.objects.bulk_create([kept], ignore_conflicts=True)
    return JsonResponse({"status": "counted"})


urlpatterns = [path("votes", cast)]
app = get_wsgi_application()
