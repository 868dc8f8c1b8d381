"""The surface in OpenAPI, as a host's drf-spectacular would write it.

After a change that is meant:

    python -m django shell --settings tests.settings -c "from tests.rest import openapi; openapi.write()"
"""

import json
from pathlib import Path
from typing import Any

from django.test.utils import override_settings
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

SNAPSHOT = Path(__file__).with_name("openapi.json")
FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}


def described(version: str = "3.0.3") -> Any:
    """Return the schema; a warning or an error on the way is an error."""
    settings = {"OAS_VERSION": version, "TITLE": "A host", "VERSION": "1"}
    with override_settings(REST_FRAMEWORK=FRAMEWORK), patched_settings(settings), GENERATOR_STATS.silence():
        GENERATOR_STATS.reset()
        generator = SchemaGenerator(urlconf="tests.rest.openapi_urls")  # type: ignore[no-untyped-call]
        schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        assert not GENERATOR_STATS, GENERATOR_STATS
    return json.loads(json.dumps(schema))


def write() -> None:
    SNAPSHOT.write_text(json.dumps(described(), indent=2) + "\n", encoding="utf-8")
