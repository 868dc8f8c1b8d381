"""The settings of a site that keeps nothing longer than its environment says: RETENTION, as JSON."""

import json
import os

from example_project.settings import *  # noqa: F403

CHATKIT = {"WORKFLOW_ID": "wf_tests", "RETENTION": json.loads(os.environ["RETENTION"])}
